//! Which images of older programs go.

use super::*;
use crate::target::engine::context::{Item, What};
use std::collections::HashMap;
use testcontainers::bollard::models::ImageSummary;
use testcontainers::bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptions};

/// Makes an image with a label that holds a text.
async fn make(engine: &Engine, image: &str, label: &str, text: &str) {
    let dockerfile = format!("FROM scratch\nLABEL {label}=program\nCOPY text /\n");
    let items = [("Dockerfile", dockerfile), ("text", text.to_owned())];
    let items = items.map(|(path, text)| Item {
        path: path.to_owned(),
        what: What::Text(text),
    });
    engine
        .build_of(items.into(), "Dockerfile", &BTreeMap::new(), image, |_| {})
        .await
        .unwrap();
}

/// The images that have a label, oldest first, by id and tags.
async fn labelled(engine: &Engine, label: &str) -> Vec<ImageSummary> {
    let filters = HashMap::from([("label", vec![label])]);
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    let mut images = engine.docker.list_images(Some(options)).await.unwrap();
    images.sort_by_key(|image| (image.created, image.id.clone()));
    images
}

#[tokio::test]
async fn older_images_of_the_program_go_with_and_without_a_name_and_no_other() {
    let Some(engine) = engine("older").await else {
        return;
    };
    let name = engine.labels().run().to_owned();
    let label = format!("{name}-self");
    let (first, last) = (format!("{name}:first"), format!("{name}:last"));
    // Somebody else's, with the same label, as one built from ours has it.
    let other = format!("{name}-other:first");
    make(&engine, &other, &label, "other").await;
    make(&engine, &first, &label, "one").await;
    // The second run's takes the tag of the first's.
    make(&engine, &first, &label, "two").await;
    let made = labelled(&engine, &label).await;
    assert_eq!(made.len(), 3, "{made:?}");
    // Nothing is older than the newest by so much.
    engine.remove_old(&name, &label, &first, 3600).await;
    assert_eq!(labelled(&engine, &label).await.len(), 3);
    make(&engine, &last, &label, "three").await;
    engine.remove_old(&name, &label, &last, -1).await;
    let left = labelled(&engine, &label).await;
    assert_eq!(left.len(), 2, "{left:?}");
    let mut tags: Vec<_> = left.into_iter().flat_map(|image| image.repo_tags).collect();
    tags.sort();
    assert_eq!(tags, [other.clone(), last.clone()]);
    for image in [&other, &last] {
        let removed = engine
            .docker
            .remove_image(image, None::<RemoveImageOptions>, None);
        removed.await.unwrap();
    }
}
