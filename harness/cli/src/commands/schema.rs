//! `harness schema`: JSON Schemas of the suite's files, for editors.

use crate::args::SchemaArgs;
use crate::error::CliError;
use crate::printer::Printer;
use harness_core::suite;
use serde_json::Value;

/// Prints one schema, or all by name.
pub(crate) fn schema(args: &SchemaArgs, printer: Printer) -> Result<u8, CliError> {
    let mut schemas = suite::schema();
    schemas.insert("load-summary.schema.json", harness_report::adhoc::schema());
    let value = match &args.file {
        None => schemas
            .iter()
            .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
            .collect::<Value>(),
        Some(name) => schemas
            .get(name.as_str())
            .or_else(|| schemas.get(format!("{name}.toml").as_str()))
            .cloned()
            .ok_or_else(|| CliError::Usage {
                message: format!("there is no schema `{name}`"),
                hint: format!(
                    "one of: {}",
                    schemas.keys().copied().collect::<Vec<_>>().join(", ")
                ),
            })?,
    };
    printer.data(&format!("{value:#}\n"));
    Ok(0)
}
