//! Bodies of requests, read as leniently as the real server reads them: names of fields and attributes in any case, `null`
//! for one that is absent, and whatever follows the first value ignored.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::toxic::{More, Stream, Toxic, ToxicError, ToxicKind};

/// A proxy as a body describes it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct ProxyBody {
    #[serde(default)]
    pub(super) name: String,
    pub(super) listen: Option<String>,
    pub(super) upstream: Option<String>,
    pub(super) enabled: Option<bool>,
    /// With another upstream: whether connections that are open stay with the one they have. Ours.
    #[serde(default)]
    pub(super) keep: bool,
    /// As they stand there: what is wrong with one is told with its own words.
    pub(super) toxics: Option<Vec<Value>>,
}

/// What a body changes of a toxic.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct ToxicChange {
    #[serde(default)]
    pub(super) attributes: Map<String, Value>,
    pub(super) toxicity: Option<f64>,
    #[serde(flatten)]
    pub(super) more: More,
}

/// A toxic as a body describes it, before it is known to be one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct ToxicBody {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "type")]
    kind: String,
    stream: Option<String>,
    toxicity: Option<f64>,
    #[serde(default)]
    attributes: Map<String, Value>,
    #[serde(flatten)]
    more: More,
}

impl ToxicBody {
    /// The name it has or would be given, once its stream and its type are known to be some: what is asked first, so
    /// that a name that is taken is told before an attribute that is wrong.
    pub(super) fn name(&self, strict: bool) -> Result<String, ApiError> {
        let stream = self.stream()?;
        if !ToxicKind::names(strict).any(|name| name == self.kind) {
            return Err(ToxicError::UnknownType(self.kind.clone()).into());
        }
        Ok(match self.name.as_str() {
            "" => format!("{}_{stream}", self.kind),
            name => name.to_owned(),
        })
    }

    fn stream(&self) -> Result<Stream, ApiError> {
        let text = self.stream.as_deref().unwrap_or("downstream");
        Ok(text.parse()?)
    }

    /// The toxic.
    pub(super) fn toxic(self, strict: bool) -> Result<Toxic, ApiError> {
        let (name, stream) = (self.name(strict)?, self.stream()?);
        let kind = ToxicKind::from_parts(&self.kind, self.attributes)?;
        let name = name.parse().map_err(ApiError::body)?;
        let toxic = Toxic::new(kind, stream).named(name);
        let toxic = toxic.with_toxicity(toxicity(self.toxicity.unwrap_or(1.0), strict));
        let toxic = toxic.with_more(more(self.more, strict))?;
        toxic.validate()?;
        Ok(toxic)
    }
}

/// A share as it works: the real server takes any number, and one outside 0 to 1 is always or never.
pub(super) fn toxicity(typed: f64, strict: bool) -> f64 {
    if strict { typed.clamp(0.0, 1.0) } else { typed }
}

/// What Toxiproxy has not: the real server reads over it.
pub(super) fn more(typed: More, strict: bool) -> More {
    if strict { More::default() } else { typed }
}

/// The first JSON value of a body, as a `T`.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    from(first(body)?)
}

/// The first JSON value of a body, as a list.
pub(super) fn read_all<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, ApiError> {
    match first(body)? {
        Value::Array(all) => all.into_iter().map(from).collect(),
        Value::Null => Ok(Vec::new()),
        _ => Err(ApiError::body("a list of proxies is expected")),
    }
}

/// A JSON object as a `T`; `null` is one without fields, as it is to the real server. A list is none, however well its values
/// would fit.
pub(super) fn from<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    let fields = match value {
        Value::Null => Value::Object(Map::new()),
        Value::Object(_) => folded(value),
        _ => return Err(ApiError::body("an object is expected")),
    };
    serde_json::from_value(fields).map_err(ApiError::body)
}

fn first(body: &[u8]) -> Result<Value, ApiError> {
    let mut values = serde_json::Deserializer::from_slice(body).into_iter();
    match values.next() {
        None => Err(ApiError::body("EOF")),
        Some(Err(error)) if error.is_eof() => Err(ApiError::body("unexpected EOF")),
        Some(Err(error)) => Err(ApiError::body(error)),
        Some(Ok(value)) => Ok(value),
    }
}

/// An object with its fields' names, and those of its attributes, in lower case and without those that are `null`; a field
/// named twice is the last.
fn folded(value: Value) -> Value {
    let Value::Object(fields) = value else {
        return value;
    };
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    fields
        .map(|(name, value)| match name.to_lowercase() {
            // What stands deeper in them is no name of ours: a header's stays as it is.
            name if name == "attributes" => (name, folded(value)),
            name => (name, value),
        })
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(body: &str) -> String {
        read::<ProxyBody>(body.as_bytes()).unwrap_err().message
    }

    #[test]
    fn bodies_are_read_leniently() {
        let body = br#" {"Name":"a","LISTEN":"x:1","upstream":null,"other":[1]} trailing"#;
        let read: ProxyBody = read(body).unwrap();
        assert_eq!(
            (read.name.as_str(), read.listen.as_deref()),
            ("a", Some("x:1"))
        );
        assert_eq!((read.upstream, read.enabled), (None, None));
    }

    #[test]
    fn attributes_are_read_in_any_case_and_what_is_in_them_as_it_is() {
        let kind = |body: &str| {
            let body: ToxicBody = read(body.as_bytes()).unwrap();
            body.toxic(false).unwrap().kind
        };
        let latency =
            kind(r#"{"TYPE":"latency","Attributes":{"Latency":5,"JITTER":2,"jitter":null}}"#);
        let expected = ToxicKind::Latency {
            latency: 5,
            jitter: 2,
        };
        assert_eq!(latency, expected);
        let change: ToxicChange = read(br#"{"attributes":{"Latency":9}}"#).unwrap();
        let merged = latency.merged(change.attributes).unwrap();
        assert_eq!(merged.attributes()["latency"], 9);
        let http =
            kind(r#"{"type":"http","attributes":{"Status":503,"Headers":{"X-Tenant":null}}}"#);
        let expected = serde_json::json!({"status": 503, "headers": {"X-Tenant": null}});
        assert_eq!(Value::Object(http.attributes()), expected);
    }

    #[test]
    fn what_is_no_body_is_said_in_the_real_servers_way() {
        assert_eq!(wrong(""), "bad request body: EOF");
        assert_eq!(wrong("{"), "bad request body: unexpected EOF");
        assert!(wrong("{]").starts_with("bad request body: "));
        assert!(wrong(r#"{"enabled":"yes"}"#).starts_with("bad request body: "));
        for other in ["5", r#"["a","127.0.0.1:0","x:1",true,false,[]]"#, r#""a""#] {
            assert_eq!(wrong(other), "bad request body: an object is expected");
        }
        assert_eq!(read::<ProxyBody>(b"null").unwrap(), ProxyBody::default());
        assert!(read_all::<ProxyBody>(b"{}").is_err());
    }

    #[test]
    fn a_toxics_type_and_stream_are_told_before_its_attributes() {
        let message = |body: &str| {
            let body: ToxicBody = read(body.as_bytes()).unwrap();
            body.toxic(false).unwrap_err().message
        };
        assert_eq!(
            message(r#"{"type":"lag","attributes":{"latency":"x"}}"#),
            "invalid toxic type"
        );
        assert_eq!(
            message(r#"{"type":"lag","stream":"sideways"}"#),
            "stream was invalid, can be either upstream or downstream"
        );
        let float = message(r#"{"type":"latency","attributes":{"latency":1.5}}"#);
        assert!(float.starts_with("bad request body: "), "{float}");
    }

    #[test]
    fn a_toxicity_beyond_its_range_is_refused_or_as_strict_clamped() {
        let body: ToxicBody = read(br#"{"type":"noop","toxicity":1.5}"#).unwrap();
        assert!(body.clone().toxic(false).is_err());
        assert!((body.toxic(true).unwrap().toxicity - 1.0).abs() < f64::EPSILON);
    }
}
