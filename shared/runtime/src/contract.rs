//! What endpoints read and answer, as JSON Schema: the source of the API's document.
//!
//! [`Wire`] is the bound of every type on the wire. It asks for nothing in a deployed function; with
//! the feature `schema` it asks for a schema.

pub use crate::error::{PROBLEM_PAGES, StatusMapping, advice_of, meaning, status_of, title_of};

/// Gives a generic type the schema and the name of its parameter, as which it is read and written: a
/// derived schema would have a name of its own for each.
macro_rules! described_as_its_parameter {
    ($type:ident) => {
        #[cfg(feature = "schema")]
        impl<T: schemars::JsonSchema> schemars::JsonSchema for $type<T> {
            fn inline_schema() -> bool {
                T::inline_schema()
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                T::schema_name()
            }
            fn schema_id() -> std::borrow::Cow<'static, str> {
                T::schema_id()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                T::json_schema(generator)
            }
        }
    };
}
pub(crate) use described_as_its_parameter;

/// A type on the wire.
#[cfg(not(feature = "schema"))]
pub trait Wire {}
#[cfg(not(feature = "schema"))]
impl<T: ?Sized> Wire for T {}

#[cfg(feature = "schema")]
pub use described::{Answers, Content, Schemas, Wire};

#[cfg(feature = "schema")]
mod described {
    use schemars::{
        JsonSchema, Schema, SchemaGenerator,
        generate::{Contract, SchemaSettings},
    };
    use serde_json::{Map, Value};

    /// A type on the wire: its schema is known.
    pub trait Wire: JsonSchema {}
    impl<T: JsonSchema + ?Sized> Wire for T {}

    /// Where schemas with a name are, in the document.
    const COMPONENTS: &str = "/components/schemas";

    /// Collects the schemas of a document: a type may be read in another form than it is written
    /// in, where a field has a default.
    #[derive(Debug)]
    pub struct Schemas {
        reads: SchemaGenerator,
        writes: SchemaGenerator,
    }

    /// One of the answers of an endpoint.
    #[derive(Debug)]
    pub struct Answers {
        /// The status.
        pub status: u16,
        /// The body.
        pub content: Content,
        /// Headers that only this kind of answer has.
        pub headers: &'static [&'static str],
    }

    /// The body of an answer.
    #[derive(Debug)]
    pub enum Content {
        /// None.
        Nothing,
        /// JSON of this schema.
        Json(Schema),
        /// Text of this media type.
        Text(&'static str),
    }

    impl Schemas {
        /// None yet.
        pub fn new() -> Schemas {
            let settings = |contract| {
                SchemaSettings::draft2020_12().with(|settings| {
                    settings.definitions_path = COMPONENTS.into();
                    settings.meta_schema = None;
                    settings.contract = contract;
                })
            };
            let generator = |contract| SchemaGenerator::new(settings(contract));
            Schemas {
                reads: generator(Contract::Deserialize),
                writes: generator(Contract::Serialize),
            }
        }

        /// The schema of a `T` as it is read, in place.
        pub(crate) fn read<T: JsonSchema>(&mut self) -> Schema {
            T::json_schema(&mut self.reads)
        }

        /// The schema of a `T` as it is answered; with a name, a reference to it.
        pub fn written<T: JsonSchema>(&mut self) -> Schema {
            self.writes.subschema_for::<T>()
        }

        /// All schemas with a name: of what is read, and of what is written.
        pub fn named(mut self) -> (Map<String, Value>, Map<String, Value>) {
            (self.reads.take_definitions(true), self.writes.take_definitions(true))
        }
    }

    impl Default for Schemas {
        fn default() -> Schemas {
            Schemas::new()
        }
    }
}

/// Collects the schemas of an endpoint's input and answers.
#[cfg(feature = "schema")]
pub(crate) type Reads = fn(&mut Schemas) -> (schemars::Schema, Vec<Answers>);
