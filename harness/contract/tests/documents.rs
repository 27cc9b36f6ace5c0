//! Loads documents of every dialect and quality: what can be used is used, the rest is told, nothing panics.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

use harness_contract::{
    Dialect, Document, Generator, LoadError, Place, SchemaId, Session, Style, Variant,
};
use harness_core::http::{Failure, FailureKind};
use harness_core::random::Draws;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

fn bodies(document: &Document) -> Vec<SchemaId> {
    let bodies = document.operations.iter().filter_map(|o| o.body.as_ref());
    bodies
        .flat_map(|body| &body.content)
        .filter_map(|media| media.schema)
        .collect()
}

/// A document whose one operation takes a body of this schema.
fn taking(version: &str, schema: &Value) -> Document {
    let text = json!({ "openapi": version, "paths": { "/x": { "post": {
        "requestBody": { "content": { "application/json": { "schema": schema } } },
        "responses": { "200": { "description": "" } }
    } } } });
    Document::load("t", &text.to_string()).unwrap()
}

#[test]
fn a_sloppy_document_loads_with_a_finding_for_each_kind_of_problem() {
    let document = Document::load("sloppy.yaml", include_str!("data/sloppy.yaml")).unwrap();
    let names: Vec<&str> = document
        .operations
        .iter()
        .map(|o| o.name.as_str())
        .collect();
    assert_eq!(names, ["GET /a/{id}/{missing}", "GET /b", "POST /b"]);
    let told = document
        .findings
        .iter()
        .map(|f| f.message.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    for words in [
        "must start with a slash",
        "`type: int` is no type; read as `integer`",
        "`type: colour` is no type; left out",
        "in `basement`",
        "has no name",
        "placeholder of the path has no parameter",
        "path parameter has no placeholder",
        "`$ref` #/components/parameters/None leads nowhere",
        "`$ref` #/components/schemas/Gone leads nowhere",
        "`$ref` other.yaml#/responses/X leads nowhere",
        "leads in a circle",
        "`abc` is no status",
        "an operation has no `responses`",
        "a request body describes no content",
        "an operation must be an object",
        "`required` must be a list",
        "`minimum` has the wrong shape",
        "pattern ( is no regular expression",
        "`enum` must be a list",
        "contains itself at the same place",
        "an example does not match its schema: /count",
    ] {
        assert!(told.contains(words), "{words:?} is not told in\n{told}");
    }
    let keys: std::collections::BTreeSet<_> = document.findings.iter().map(|f| &f.key).collect();
    assert_eq!(keys.len(), document.findings.len());
}

#[test]
fn swagger_two_is_read_into_the_same_model() {
    let document = Document::load("s", include_str!("data/swagger2.json")).unwrap();
    assert_eq!(
        (document.dialect, document.base_path.as_str()),
        (Dialect::Swagger2, "/api")
    );
    assert_eq!(document.findings, []);
    let get = &document.operations[0];
    assert_eq!(
        (get.parameters[0].place, get.parameters[1].style),
        (Place::Path, Style::Joined(','))
    );
    let thing = get.response(200).unwrap().content[0].schema.unwrap();
    assert!(
        document
            .schemas
            .accepts(thing, &json!({ "name": "x", "note": null }))
    );
    assert!(!document.schemas.accepts(thing, &json!({ "name": 1 })));
    let mut session = Session::new(Arc::new(document), "http://h/api", vec![], 1);
    let mut upload = None;
    while let Some(case) = session.next() {
        if case.operation == "POST /uploads" {
            upload = Some(case.request.clone());
        }
        let response = harness_core::http::Response {
            status: 204,
            headers: vec![],
            body: bytes::Bytes::new(),
            body_len: 0,
        };
        session.observe(&case, &Ok(response));
    }
    let upload = upload.unwrap();
    assert!(
        upload
            .header("content-type")
            .unwrap()
            .starts_with("multipart/form-data; boundary=")
    );
    assert!(String::from_utf8_lossy(&upload.body).contains("name=\"title\""));
}

#[test]
fn dialects_mean_their_own_nullable_and_bounds() {
    let schema =
        json!({ "type": "integer", "nullable": true, "minimum": 1, "exclusiveMinimum": true });
    let old = taking("3.0.3", &schema);
    let id = bodies(&old)[0];
    let accepts = |value: Value| old.schemas.accepts(id, &value);
    assert!(accepts(json!(null)) && accepts(json!(2)) && !accepts(json!(1)));
    let new = taking(
        "3.1.0",
        &json!({ "type": ["integer", "null"], "exclusiveMinimum": 1 }),
    );
    let accepts = |value: Value| new.schemas.accepts(bodies(&new)[0], &value);
    assert!(accepts(json!(null)) && accepts(json!(2)) && !accepts(json!(1)));
}

#[test]
fn what_is_no_document_says_why() {
    let error = |text: &str| Document::load("d", text).map(|_| ()).unwrap_err();
    assert!(matches!(error(" \n"), LoadError::Empty { .. }));
    assert!(matches!(
        error("{\"openapi\": "),
        LoadError::Syntax { format: "JSON", .. }
    ));
    assert!(matches!(
        error("a: b: c"),
        LoadError::Syntax { format: "YAML", .. }
    ));
    assert!(matches!(error("[]"), LoadError::NotOpenApi { .. }));
    assert!(matches!(error("openapi: 4.0.0"), LoadError::Version { .. }));
    assert!(matches!(
        error(&" ".repeat(33 << 20)),
        LoadError::TooLarge { .. }
    ));
    assert!(matches!(
        error(&"[".repeat(100_000)),
        LoadError::Syntax { .. }
    ));
    let bomb = (1..30).fold("a0: &a0 [x,x,x,x,x,x,x,x]\n".to_owned(), |text, i| {
        let p = i - 1;
        format!("{text}a{i}: &a{i} [*a{p},*a{p},*a{p},*a{p},*a{p},*a{p},*a{p},*a{p}]\n")
    });
    assert!(matches!(error(&bomb), LoadError::Syntax { .. }));
}

#[test]
fn a_schema_nothing_fits_is_told_by_its_place() {
    let document = taking(
        "3.1.0",
        &json!({ "type": "string", "pattern": "^(?!x)y", "minLength": 3 }),
    );
    let error = Generator::new(&document.schemas).instance(
        bodies(&document)[0],
        Variant::Required,
        &mut Draws::at(1, &[]),
    );
    let error = error.unwrap_err();
    assert!(
        error.pointer.ends_with("/application~1json/schema") && error.reason.contains("pattern"),
        "{error}"
    );
}

#[test]
fn the_demo_documents_load_and_every_operation_is_planned() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/openapi");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let document = Document::load("demo", &std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(document.findings, [], "{}", path.display());
        let names: Vec<String> = document.operations.iter().map(|o| o.name.clone()).collect();
        let mut session = Session::new(Arc::new(document), "http://h", vec![], 1);
        let mut asked = std::collections::BTreeSet::new();
        while let Some(case) = session.next() {
            asked.insert(case.operation.clone());
            let response = harness_core::http::Response {
                status: 500,
                headers: vec![],
                body: bytes::Bytes::new(),
                body_len: 0,
            };
            session.observe(&case, &Ok(response));
        }
        assert!(
            names.iter().all(|name| asked.contains(name)),
            "{}: {asked:?}",
            path.display()
        );
        seen += 1;
    }
    assert!(seen > 0);
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "type",
        "string",
        "integer",
        "object",
        "array",
        "properties",
        "items",
        "$ref",
        "#/paths",
        "#",
        "#/components/schemas/A",
        "#/components/schemas/B",
        "allOf",
        "oneOf",
        "anyOf",
        "not",
        "required",
        "enum",
        "const",
        "nullable",
        "pattern",
        "^[a-z]+$",
        "(",
        "minimum",
        "maxLength",
        "format",
        "uuid",
        "parameters",
        "name",
        "in",
        "path",
        "query",
        "body",
        "responses",
        "200",
        "default",
        "content",
        "application/json",
        "schema",
        "example",
        "examples",
        "requestBody",
        "get",
        "post",
        "/a/{id}",
        "additionalProperties",
        "if",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-5_i64..50).prop_map(|n| json!(n)),
        words.clone().prop_map(|word| json!(word)),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((words.clone(), inner), 0..6).prop_map(|members| Value::Object(
                members
                    .into_iter()
                    .map(|(k, v)| (k.to_owned(), v))
                    .collect()
            )),
        ]
    })
}

/// Schemas that have instances, of the shapes documents use.
fn sound_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (0_u64..5, 0_u64..9).prop_map(|(least, more)| json!({ "type": "string", "minLength": least, "maxLength": least + more })),
        (-90_i64..90, 0_i64..60).prop_map(|(low, more)| json!({ "type": "integer", "minimum": low, "maximum": low + more })),
        (-9_i64..9, 1_i64..20).prop_map(|(low, more)| json!({ "type": "number", "exclusiveMinimum": low, "maximum": low + more })),
        (1_i64..9).prop_map(|m| json!({ "type": "integer", "multipleOf": m })),
        Just(json!({ "type": "boolean" })),
        Just(json!({ "enum": ["a", 1, null] })),
        prop::sample::select(vec![
            "uuid", "date-time", "date", "time", "email", "uri", "ipv4", "ipv6", "hostname", "duration", "regex", "json-pointer",
        ])
        .prop_map(|format| json!({ "type": "string", "format": format })),
        prop::sample::select(vec![
            "^[A-Z]{3}-\\d{4}$", "^(a|bc)+x?$", "[^/]+", "^\\w{2,5}\\.\\w+$", "^\\+?[1-9]\\d{1,14}$", "^[a-f0-9]{64}$", "foo",
        ])
        .prop_map(|pattern| json!({ "type": "string", "pattern": pattern })),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let members = || prop::collection::vec(inner.clone(), 0..4);
        let object = move |members: Vec<Value>, required: usize, prefix: &str| {
            let names: Vec<String> = (0..members.len()).map(|i| format!("{prefix}{i}")).collect();
            let properties: serde_json::Map<_, _> = names.iter().cloned().zip(members).collect();
            let required: Vec<_> = names.into_iter().take(required).collect();
            json!({ "type": "object", "properties": properties, "required": required })
        };
        prop_oneof![
            (members(), 0_usize..4).prop_map(move |(m, r)| object(m, r, "a")),
            (inner.clone(), 0_u64..3).prop_map(
                |(items, least)| json!({ "type": "array", "items": items, "minItems": least })
            ),
            (members(), members())
                .prop_map(move |(a, b)| json!({ "allOf": [object(a, 4, "a"), object(b, 2, "b")] })),
            inner
                .clone()
                .prop_map(|one| json!({ "anyOf": [one, { "type": "null" }] })),
            inner.prop_map(|one| json!({ "nullable": true, "allOf": [one] })),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_document_makes_it_panic(a in any_json(), b in any_json(), item in any_json(), version in prop::sample::select(vec!["2.0", "3.0.1", "3.1.0"])) {
        let key = if version == "2.0" { "swagger" } else { "openapi" };
        let text = json!({
            key: version,
            "paths": { "/a/{id}": { "get": item, "post": {
                "parameters": [item, { "name": "id", "in": "path", "schema": b, "required": true }],
                "requestBody": { "content": { "application/json": { "schema": a, "example": 1 } } },
                "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/A" } } } } }
            } } },
            "components": { "schemas": { "A": a, "B": b } },
        });
        let document = Arc::new(Document::load("any", &text.to_string()).unwrap());
        let mut session = Session::new(document, "http://h", vec![], 1);
        let mut steps = 0;
        while let Some(case) = session.next() {
            steps += 1;
            prop_assert!(steps < 100);
            let body = bytes::Bytes::from(a.to_string());
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            let answer = match steps % 3 {
                0 => Err(Failure { kind: FailureKind::Reset, detail: String::new() }),
                n => Ok(harness_core::http::Response { status: 199 + n, headers, body_len: body.len() as u64, body }),
            };
            session.observe(&case, &answer);
        }
        session.finish();
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = Document::load("any", &text);
        let _ = Document::load("any", &format!("openapi: 3.0.0\npaths:\n  {text}"));
    }

    #[test]
    fn generated_data_is_valid_and_repeats_by_its_seed(schema in sound_schema(), seed in any::<u64>()) {
        let document = taking("3.0.3", &schema);
        prop_assert_eq!(&document.findings, &[]);
        let generator = Generator::new(&document.schemas);
        for id in bodies(&document) {
            for variant in [Variant::Required, Variant::Full] {
                let one = generator.instance(id, variant, &mut Draws::at(seed, &[]));
                prop_assert!(one.is_ok(), "{}: {:?}", schema, one);
                let one = one.unwrap();
                prop_assert!(document.schemas.accepts(id, &one.value));
                prop_assert_eq!(one, generator.instance(id, variant, &mut Draws::at(seed, &[])).unwrap());
            }
        }
    }
}
