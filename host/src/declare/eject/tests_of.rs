//! The test that an ejected crate begins with: what an entity without events has.

use onepath_definition::{Node, ValueType};

use super::View;
use super::names::identifier;

/// As many features as a test names.
const NAMED_MAX: usize = 8;

impl View<'_> {
    /// A module of tests; none where a question brings fields with it.
    pub(super) fn tests(&self, state: &str) -> String {
        let definition = self.definition;
        if !(definition.request_fields.is_empty() && definition.input_features.is_empty()) {
            return String::new();
        }
        let is_read = |node: u32| matches!(definition.question.nodes[node as usize], Node::Read(_));
        let named = definition.features.iter().filter(|feature| is_read(feature.node)).take(NAMED_MAX);
        let expected: Vec<String> = named
            .map(|feature| {
                let field = identifier(&feature.name);
                let nothing = match self.question_types[feature.node as usize] {
                    _ if feature.nullable => "None",
                    ValueType::Float64List => "[0.0; 0]",
                    _ => "0",
                };
                format!("assert_eq!(features.{field}, {nothing});\n")
            })
            .collect();
        if expected.is_empty() {
            return String::new();
        }
        format!(
            "#[cfg(test)]\nmod tests {{\nuse onepath_sdk::testing::{{Harness, as_of}};\n\nuse super::*;\n\n\
             #[test]\nfn an_entity_without_events() {{\nlet entity = Harness::<{state}>::new();\n\
             let features = entity.question(as_of(\"2024-01-01\"));\n{}}}\n}}\n",
            expected.concat()
        )
    }
}
