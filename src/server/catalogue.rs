//! The official templates, embedded in the binary and put into the catalogue at start.

use serde_json::Value;

use super::Error;

/// Name and text of each official template.
const DOCUMENTS: [(&str, &str); 4] = [
    ("phone-enrichment-audienceacuity", include_str!("../../templates/phone-enrichment-audienceacuity.json")),
    ("email-validator", include_str!("../../templates/email-validator.json")),
    ("hubspot-contact-sync", include_str!("../../templates/hubspot-contact-sync.json")),
    ("company-lookup", include_str!("../../templates/company-lookup.json")),
];

/// The official templates as documents.
///
/// # Errors
/// [`Error::Document`] when one is not JSON; a test keeps that from happening.
pub fn official() -> Result<Vec<Value>, Error> {
    DOCUMENTS
        .iter()
        .map(|(name, text)| {
            serde_json::from_str(text).map_err(|error| Error::Document { name: (*name).to_owned(), reason: error.to_string() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::clock::{Clock as _, SystemClock};
    use crate::pipeline;

    #[test]
    fn every_official_template_is_valid_and_its_recorded_tests_pass() {
        for document in super::official().unwrap() {
            let name = document.pointer("/meta/slug").cloned().unwrap_or_default();
            let compiled = pipeline::compile(&document);
            let problems: Vec<_> =
                compiled.problems.iter().map(|problem| format!("{} {}: {}", problem.code, problem.pointer, problem.message)).collect();
            let plan = compiled.plan.unwrap_or_else(|| panic!("{name}: {problems:#?}"));
            assert!(plan.definition.tests.len() >= 3, "{name} has recorded tests");
            for test in &plan.definition.tests {
                let outcome = pipeline::run_recorded(&plan, test, SystemClock.now());
                assert!(outcome.passed, "{name}, {}: {:#?}", test.name, outcome.differences);
            }
        }
    }
}
