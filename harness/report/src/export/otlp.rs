//! OTLP's requests in JSON: each is a whole one, as a line of a file or the body of a POST. Counters and distributions are
//! cumulative. Requests are cut by time, never by series: a receiver sees time go forward.

use super::{BOUNDS_US, Export, Family, Kind, Point, Series, Unit, Value};
use serde_json::{Value as Json, json};

/// Points in one request: well below what collectors take (20 MiB).
const POINTS: usize = 2000;

/// What `AggregationTemporality` calls counting on from the begin.
const CUMULATIVE: u8 = 2;

/// A point by its place: family, series, point.
type Place = (usize, usize, usize);

/// A run's requests, in order.
pub struct Requests<'e> {
    export: &'e Export,
    resource: Json,
    /// Places by time.
    places: Vec<(i64, Place)>,
    next: usize,
}

/// A run as requests. `more`: attributes of the resource beside the run's own; one of the same name wins.
pub fn requests<'e>(export: &'e Export, more: &[(String, String)]) -> Requests<'e> {
    let own = export.resource.iter().map(|(name, value)| (*name, value));
    let own = own.filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let all = own.chain(more.iter().map(|(name, value)| (name.as_str(), value)));
    let mut places = Vec::new();
    for (f, family) in export.families.iter().enumerate() {
        for (s, series) in family.series.iter().enumerate() {
            let points = series.points.iter().enumerate();
            // JSON has no word for what is no number, and receivers differ in theirs.
            let told = points.filter(|(_, point)| match &point.value {
                Value::Number(value) => value.is_finite(),
                Value::Counts(_) => true,
            });
            places.extend(told.map(|(p, point)| (point.at_ms, (f, s, p))));
        }
    }
    places.sort_unstable();
    Requests {
        export,
        resource: attributes(all),
        places,
        next: 0,
    }
}

impl Requests<'_> {
    /// Points in all.
    pub fn points(&self) -> usize {
        self.places.len()
    }
}

impl Iterator for Requests<'_> {
    /// A request and how many points are in it.
    type Item = (Json, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self
            .places
            .get(self.next..)
            .filter(|rest| !rest.is_empty())?;
        let here = rest.get(..POINTS).unwrap_or(rest);
        self.next += here.len();
        let mut places: Vec<Place> = here.iter().map(|(_, place)| *place).collect();
        places.sort_unstable();
        let mut metrics = Vec::new();
        for of in places.chunk_by(|a, b| a.0 == b.0) {
            let family = of.first().and_then(|(f, ..)| self.export.families.get(*f));
            metrics.extend(family.map(|family| metric(family, of)));
        }
        let scope = json!({ "name": "harness", "version": self.export.version });
        let scoped = json!([{ "scope": scope, "metrics": metrics }]);
        let resource = json!({ "attributes": self.resource });
        let whole =
            json!({ "resourceMetrics": [{ "resource": resource, "scopeMetrics": scoped }] });
        Some((whole, here.len()))
    }
}

fn metric(family: &Family, places: &[Place]) -> Json {
    let about = &family.about;
    let points = places.iter().filter_map(|(_, s, p)| {
        let series = family.series.get(*s)?;
        Some(data_point(series, series.points.get(*p)?))
    });
    let points: Vec<Json> = points.collect();
    let (kind, data) = match about.kind {
        Kind::Counter => (
            "sum",
            json!({ "aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": points }),
        ),
        Kind::Histogram => (
            "histogram",
            json!({ "aggregationTemporality": CUMULATIVE, "dataPoints": points }),
        ),
        Kind::Gauge | Kind::Info | Kind::Unknown => ("gauge", json!({ "dataPoints": points })),
    };
    let unit = match about.unit {
        Unit::None => "",
        Unit::Ratio => "1",
        Unit::Seconds => "s",
        Unit::Bytes => "By",
        Unit::Of(word) => word,
    };
    json!({ "name": about.name, "description": about.help, "unit": unit, kind: data })
}

/// 64-bit integers are texts, as Protocol Buffers' JSON has them.
fn data_point(series: &Series, point: &Point) -> Json {
    let nanos = |ms: i64| (i128::from(ms) * 1_000_000).to_string();
    let labels = series.labels.iter();
    let mut data = json!({
        "attributes": attributes(labels.map(|(name, value)| (name.as_ref(), value))),
        "timeUnixNano": nanos(point.at_ms),
    });
    if let Some(since) = series.since_ms {
        data["startTimeUnixNano"] = nanos(since).into();
    }
    match &point.value {
        Value::Number(value) => data["asDouble"] = json!(value),
        Value::Counts(counts) => {
            let buckets: Vec<String> = counts.buckets.iter().map(u64::to_string).collect();
            let bounds: Vec<f64> = BOUNDS_US.iter().map(|us| *us as f64 / 1e6).collect();
            data["count"] = counts.count().to_string().into();
            data["sum"] = json!(counts.sum);
            data["bucketCounts"] = json!(buckets);
            data["explicitBounds"] = json!(bounds);
        }
    }
    data
}

fn attributes<'a>(all: impl Iterator<Item = (&'a str, &'a String)>) -> Json {
    let attribute =
        |(name, value): (&str, &String)| json!({ "key": name, "value": { "stringValue": value } });
    Json::Array(all.map(attribute).collect())
}
