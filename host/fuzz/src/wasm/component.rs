//! The types of `wit/types.wit` as the host's bindings name them. A change of the contract does not compile here until it
//! is made here too.

#[allow(missing_docs, reason = "the contract documents every item")]
pub mod bindings {
    pub mod onepath {
        pub mod feature {
            pub mod types {
                #[derive(Clone, Copy, Debug)]
                pub enum ValueType {
                    Boolean,
                    Int64,
                    Float64,
                    Text,
                    Time,
                    Float64List,
                }

                #[derive(Clone, Debug)]
                pub struct Field {
                    pub name: String,
                    pub type_: ValueType,
                    pub nullable: bool,
                    pub documentation: String,
                }

                #[derive(Clone, Debug)]
                pub struct Description {
                    pub parameters: Vec<Field>,
                    pub event_fields: Vec<Field>,
                    pub request_fields: Vec<Field>,
                    pub input_features: Vec<Field>,
                    pub output_features: Vec<Field>,
                    pub state_version: u32,
                    pub author_version: String,
                }

                #[derive(Clone, Debug)]
                pub struct TextsResult {
                    pub ends: Vec<u32>,
                    pub bytes: Vec<u8>,
                }

                #[derive(Clone, Debug)]
                pub struct Float64ListsResult {
                    pub ends: Vec<u32>,
                    pub values: Vec<f64>,
                }

                #[derive(Clone, Debug)]
                pub enum ValuesResult {
                    Booleans(Vec<u8>),
                    Int64s(Vec<i64>),
                    Float64s(Vec<f64>),
                    Texts(TextsResult),
                    Times(Vec<i64>),
                    Float64Lists(Float64ListsResult),
                }

                #[derive(Clone, Debug)]
                pub struct ColumnResult {
                    pub values: ValuesResult,
                    pub nulls: Option<Vec<u8>>,
                }

                #[derive(Clone, Debug)]
                pub struct StatesResult {
                    pub ends: Vec<u32>,
                    pub bytes: Vec<u8>,
                }

                #[derive(Clone, Debug)]
                pub struct Output {
                    pub features: Vec<ColumnResult>,
                    pub states: Option<StatesResult>,
                }

                #[derive(Clone, Debug)]
                pub struct Failure {
                    pub row: Option<u32>,
                    pub message: String,
                }

                #[derive(Clone, Copy, Debug)]
                pub struct TextsParam<'a> {
                    pub ends: &'a [u32],
                    pub bytes: &'a [u8],
                }

                #[derive(Clone, Copy, Debug)]
                pub struct Float64ListsParam<'a> {
                    pub ends: &'a [u32],
                    pub values: &'a [f64],
                }

                #[derive(Clone, Copy, Debug)]
                pub enum ValuesParam<'a> {
                    Booleans(&'a [u8]),
                    Int64s(&'a [i64]),
                    Float64s(&'a [f64]),
                    Texts(TextsParam<'a>),
                    Times(&'a [i64]),
                    Float64Lists(Float64ListsParam<'a>),
                }

                #[derive(Clone, Copy, Debug)]
                pub struct ColumnParam<'a> {
                    pub values: ValuesParam<'a>,
                    pub nulls: Option<&'a [u8]>,
                }

                #[derive(Clone, Copy, Debug)]
                pub struct StatesParam<'a> {
                    pub ends: &'a [u32],
                    pub bytes: &'a [u8],
                }

                #[derive(Clone, Copy, Debug)]
                pub struct Rows<'a> {
                    pub times: &'a [i64],
                    pub groups: &'a [u32],
                    pub kinds: &'a [u8],
                    pub event_fields: &'a [ColumnParam<'a>],
                    pub request_fields: &'a [ColumnParam<'a>],
                    pub input_features: &'a [ColumnParam<'a>],
                    pub states: StatesParam<'a>,
                    pub want_states: bool,
                }
            }
        }
    }
}
