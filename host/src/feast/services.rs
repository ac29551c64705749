//! What models read, and the views that Python computes for them.

use super::import::{ImportedService, Importing, Of, Todo, Variant};
use super::model::{Field, OnDemandView, Service};

impl<'r> Importing<'r> {
    /// What a model reads.
    pub fn service(&mut self, service: &'r Service, variants: &[Variant<'r>]) {
        let what = format!("feature service {:?}", service.name);
        let (mut features, mut without): (Vec<(usize, Vec<usize>)>, Vec<String>) = (Vec::new(), Vec::new());
        for projection in &service.projections {
            let variant = variants.iter().find(|variant| variant.is(projection));
            let at = variant.and_then(|variant| self.made.views.iter().position(|view| view.name == variant.name));
            let Some(at) = at else {
                without.push(projection.alias.clone().unwrap_or_else(|| projection.view.clone()));
                continue;
            };
            let view = &self.made.views[at];
            let chosen: Vec<usize> = match projection.features.is_empty() {
                true => (0..view.features.len()).collect(),
                false => {
                    let place = |name: &String| view.features.iter().position(|(_, feast)| feast == name);
                    let lacks = projection.features.iter().filter(|name| place(name).is_none());
                    without.extend(lacks.map(|name| format!("{}:{name}", projection.view)));
                    projection.features.iter().filter_map(place).collect()
                }
            };
            match features.iter_mut().find(|(known, _)| *known == at) {
                Some((_, known)) => {
                    known.extend(chosen.into_iter().filter(|place| !known.contains(place)).collect::<Vec<_>>())
                }
                None if chosen.is_empty() => {}
                None => features.push((at, chosen)),
            }
            if let Some(version) = projection.version {
                self.tell(
                    what.clone(),
                    format!("version {version} of {:?} in Feast: as it is now here", projection.view),
                );
            }
        }
        without.extend(service.references.iter().cloned());
        if features.is_empty() {
            return self.leave(what, "none of its features was carried over");
        }
        let name = self.table(Of::Services, &service.name, &service.name);
        if name != service.name {
            self.tell(what.clone(), format!("{name} here"));
        }
        if !without.is_empty() {
            self.tell(what, format!("here without {}", without.join(", ")));
        }
        let (feast, facts) = (service.name.clone(), service.facts.clone());
        self.made.services.push(ImportedService { name, feast, features, facts, without });
    }

    /// A view that Python computes: it is left to do.
    pub fn on_demand(&mut self, view: &OnDemandView) {
        let what = format!("on-demand feature view {:?}", view.name);
        let mode = if view.mode.is_empty() { "python" } else { &view.mode };
        self.leave(
            what,
            format!("it is {mode}: to do, as a view with `expr` or in Rust; its source is in onepath.toml"),
        );
        let names = |fields: &[Field]| {
            let told: Vec<String> =
                fields.iter().map(|field| format!("{} ({})", field.name, field.feast_type)).collect();
            told.join(", ")
        };
        let mut text = format!("features: {}\n", names(&view.features));
        if !view.views.is_empty() {
            text += &format!("reads the views {}\n", view.views.join(", "));
        }
        if !view.request.is_empty() {
            text += &format!("reads of the request {}\n", names(&view.request));
        }
        if !view.facts.description.is_empty() {
            text += &format!("{}\n", view.facts.description);
        }
        text += view.python.as_deref().unwrap_or("its source is not known");
        self.made.todo.push(Todo { title: format!("On-demand feature view {:?}", view.name), text });
    }
}
