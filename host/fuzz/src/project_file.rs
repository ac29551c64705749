//! The project file.

use std::path::Path;

use crate::project::{Project, ProjectError};

/// Reads a project file made of `data`. What is taken must hold together; what is refused must be told with a place in the
/// text.
pub fn project_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let project = match Project::parse(text, Path::new("onepath.toml")) {
        Ok(project) => project,
        Err(ProjectError::Invalid(invalid)) => {
            let told = invalid.to_string();
            assert!(told.contains("onepath.toml:"), "{told}");
            return;
        }
        Err(error) => panic!("a fault of the text is told as another: {error}"),
    };
    for view in &project.views {
        assert_eq!(project.view(&view.label()).expect("a view finds itself").label(), view.label());
        for source in &view.sources {
            project.source(source).expect("a view's source exists");
        }
    }
    for service in &project.services {
        let views = project.required_views(&service.features).expect("a service's views exist");
        assert!(!views.is_empty());
        let place = |label: &str| views.iter().position(|view| view.label() == label);
        for (at, view) in views.iter().enumerate() {
            for input in view.feature_inputs() {
                let producer = project.view_version(&input.view, input.version).expect("an input's view exists");
                assert!(place(&producer.label()).is_some_and(|before| before < at), "inputs come first");
            }
        }
        project.required_entities(&views);
    }
}
