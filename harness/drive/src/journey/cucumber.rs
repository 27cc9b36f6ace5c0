//! standin
use super::*;
/// x
pub async fn sequence(
    walker: &Walker,
    features: Vec<Arc<Journey>>,
    _texts: &[(String, String)],
    stop: &CancellationToken,
) {
    for journey in &features {
        walker.walk_all(journey, stop).await;
    }
}
