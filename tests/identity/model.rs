//! Random projects as data: what they say, and the text that says it.

use std::collections::BTreeMap;

use super::tally;
use crate::support::Random;

/// What runs in a view, with the names of a float64 and an int64 feature of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    /// Reads an optional amount.
    Tally,
    /// Reads an amount, and has a parameter.
    Scaled,
    /// Reads an optional field of every type.
    Seen,
    /// Reads features of two views.
    Weigh,
}

impl Transform {
    pub fn float_feature(self) -> &'static str {
        match self {
            Self::Tally | Self::Seen => "total",
            Self::Scaled => "scaled_total",
            Self::Weigh => "weight",
        }
    }

    pub fn whole_feature(self) -> Option<&'static str> {
        match self {
            Self::Tally => Some("events"),
            Self::Seen => Some("n"),
            Self::Scaled => None,
            Self::Weigh => Some("known"),
        }
    }
}

/// Settings by name, as TOML values.
pub type Settings = BTreeMap<String, String>;

/// Key columns with their types.
pub type Keys = Vec<(String, &'static str)>;

#[derive(Clone)]
pub struct Entity {
    pub name: String,
    pub keys: Keys,
    pub settings: Settings,
}

#[derive(Clone)]
pub struct Source {
    pub name: String,
    /// Positions of its entities.
    pub entities: Vec<usize>,
    pub settings: Settings,
    pub columns: Settings,
    pub fields: Settings,
}

#[derive(Clone)]
pub struct View {
    pub name: String,
    pub transform: Transform,
    /// Its component, where it is not that of the tests.
    pub file: Option<String>,
    /// Position of its entity, where it has sources.
    pub entity: Option<usize>,
    /// Positions of its sources.
    pub sources: Vec<usize>,
    /// Positions of the views of its inputs: the float64, then the int64.
    pub inputs: Vec<usize>,
    pub settings: Settings,
    /// More lines: tables below the view's.
    pub below: Vec<String>,
}

#[derive(Clone)]
pub struct Model {
    pub head: Settings,
    pub entities: Vec<Entity>,
    pub sources: Vec<Source>,
    pub views: Vec<View>,
    /// Whole tables.
    pub others: Vec<String>,
}

impl Model {
    /// A project of two entities, three sources and six views.
    pub fn random(random: &mut Random) -> Self {
        let entity = |name: &str, keys: &[(&str, &'static str)]| Entity {
            name: name.to_owned(),
            keys: keys.iter().map(|(name, key_type)| ((*name).to_owned(), *key_type)).collect(),
            settings: Settings::new(),
        };
        let entities = vec![
            entity("pair", &[("second", "text"), ("first", "text"), ("lane", "int64")]),
            entity("shop", &[("shop_id", "int64")]),
        ];
        let sources = (0..3).map(|at| Self::source(at, random)).collect();
        let view = |name: &str, transform: Transform| View {
            name: name.to_owned(),
            transform,
            file: None,
            entity: None,
            sources: Vec::new(),
            inputs: Vec::new(),
            settings: Settings::new(),
            below: Vec::new(),
        };
        let mut views: Vec<View> = Vec::new();
        for (at, transform) in
            [Transform::Tally, Transform::Scaled, Transform::Seen, Transform::Tally].into_iter().enumerate()
        {
            let mut sources = vec![0, 1, 2];
            random.shuffle(&mut sources);
            sources.truncate(1 + random.below(3));
            let mut settings = Settings::new();
            if transform == Transform::Scaled {
                settings.insert("parameters".into(), "{ factor = 2 }".into());
            }
            if random.once_in(2) {
                settings.insert("ttl".into(), "\"24h\"".into());
            }
            views.push(View { entity: Some(0), sources, settings, ..view(&format!("v{at}"), transform) });
        }
        // Each reads one before it with a whole feature, and any.
        for name in ["v4", "v5"] {
            let whole: Vec<usize> =
                (0..views.len()).filter(|at| views[*at].transform.whole_feature().is_some()).collect();
            let inputs = vec![random.below(views.len()), *random.pick(&whole)];
            views.push(View { inputs, ..view(name, Transform::Weigh) });
        }
        Self { head: Settings::from([("name".into(), "\"p\"".into())]), entities, sources, views, others: Vec::new() }
    }

    fn source(at: usize, random: &mut Random) -> Source {
        let mut settings = Settings::from([("event_time".to_owned(), "\"ts\"".to_owned())]);
        for (name, value) in [
            ("arrival_time", "\"arrived\""),
            ("event_id", "\"id\""),
            ("event_time_unit", "\"s\""),
            ("time_format", "\"%d.%m.%Y\""),
            ("skip_offsets", "[7]"),
        ] {
            if random.once_in(3) {
                settings.insert(name.to_owned(), value.to_owned());
            }
        }
        let maybe = |name: &str, value: &str, random: &mut Random| match random.once_in(2) {
            true => Settings::from([(name.to_owned(), value.to_owned())]),
            false => Settings::new(),
        };
        Source {
            name: format!("s{at}"),
            entities: if random.once_in(2) { vec![0] } else { vec![1, 0] },
            settings,
            columns: maybe("flag", "\"is_flag\"", random),
            fields: maybe("amount", "\"float64\"", random),
        }
    }

    /// Which views read the features of those in `changed`, directly or not, and these themselves.
    pub fn above(&self, changed: &[usize]) -> Vec<usize> {
        // Each view comes after those that it reads.
        let mut all = changed.to_vec();
        for (at, view) in self.views.iter().enumerate() {
            if view.inputs.iter().any(|input| all.contains(input)) && !all.contains(&at) {
                all.push(at);
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The views that read a source.
    pub fn readers(&self, source: usize) -> Vec<usize> {
        (0..self.views.len()).filter(|at| self.views[*at].sources.contains(&source)).collect()
    }

    /// The text of the project file, in the order of the model.
    pub fn text(&self) -> String {
        self.tables().concat()
    }

    /// The same with tables, keys and entities in another order.
    pub fn shuffled(&self, random: &mut Random) -> String {
        let mut model = self.clone();
        model.entities.iter_mut().for_each(|entity| random.shuffle(&mut entity.keys));
        model.sources.iter_mut().for_each(|source| random.shuffle(&mut source.entities));
        let mut tables = model.tables();
        random.shuffle(&mut tables);
        tables.concat()
    }

    fn tables(&self) -> Vec<String> {
        let mut tables = vec![format!("[project]\n{}", lines(&self.head))];
        for Entity { name, keys, settings } in &self.entities {
            let keys: Vec<String> = keys.iter().map(|(name, key_type)| format!("{name} = \"{key_type}\"")).collect();
            tables.push(format!("[entities.{name}]\nkeys = {{ {} }}\n{}", keys.join(", "), lines(settings)));
        }
        for Source { name, entities, settings, columns, fields } in &self.sources {
            let entities: Vec<&str> = entities.iter().map(|at| self.entities[*at].name.as_str()).collect();
            tables.push(format!(
                "[sources.{name}]\nentities = {entities:?}\n{}[sources.{name}.columns]\n{}[sources.{name}.fields]\n{}",
                lines(settings),
                lines(columns),
                lines(fields)
            ));
        }
        for view in &self.views {
            tables.push(self.view(view));
        }
        tables.extend(self.others.iter().cloned());
        tables
    }

    fn view(&self, view: &View) -> String {
        let mut text = format!("[views.{}]\n{}", view.name, lines(&view.settings));
        let standard = match view.transform {
            Transform::Tally => tally(),
            Transform::Scaled => "SCALED".to_owned(),
            Transform::Seen => "SEEN".to_owned(),
            Transform::Weigh => "WEIGH".to_owned(),
        };
        text += &format!("transform = {:?}\n", view.file.clone().unwrap_or(standard));
        if let Some(entity) = view.entity {
            text += &format!("entity = {:?}\n", self.entities[entity].name);
        }
        if !view.sources.is_empty() {
            let sources: Vec<&str> = view.sources.iter().map(|at| self.sources[*at].name.as_str()).collect();
            text += &format!("sources = {sources:?}\n");
        }
        if let [float, whole] = view.inputs[..] {
            let (float, whole) = (&self.views[float], &self.views[whole]);
            text += &format!(
                "inputs = [\"{}:{} as cart_per_purchase\", \"{}:{} as shop_purchases\"]\n",
                float.name,
                float.transform.float_feature(),
                whole.name,
                whole.transform.whole_feature().expect("only those are read")
            );
        }
        text + &view.below.concat()
    }
}

fn lines(settings: &Settings) -> String {
    settings.iter().map(|(name, value)| format!("{name} = {value}\n")).collect()
}
