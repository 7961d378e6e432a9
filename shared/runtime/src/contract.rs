//! What endpoints read and answer, as JSON Schema: the source of the API's document.
//!
//! [`Wire`] is the bound of every type on the wire. It asks for nothing in a deployed function; with
//! the feature `schema` it asks for a schema, and [`Function::operation`] collects them.

pub use crate::error::{PROBLEM_PAGES, StatusMapping, meaning};

/// A type on the wire.
#[cfg(not(feature = "schema"))]
pub trait Wire {}
#[cfg(not(feature = "schema"))]
impl<T: ?Sized> Wire for T {}

#[cfg(feature = "schema")]
pub use described::{Answers, Content, Operation, Schemas, Wire};

#[cfg(feature = "schema")]
mod described {
    use schemars::{
        JsonSchema, Schema, SchemaGenerator,
        generate::{Contract, SchemaSettings},
    };
    use serde_json::{Map, Value};

    use crate::{
        contract::Reads,
        endpoint::Endpoint,
        function::{Function, Trigger},
        response::Reply,
    };

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

    /// An endpoint with what it reads and answers.
    #[derive(Debug)]
    pub struct Operation {
        /// The route and its rules.
        pub endpoint: Endpoint,
        /// Its whole input: path parameters with the query string or with the body.
        pub input: Schema,
        /// Its answers, errors aside.
        pub answers: Vec<Answers>,
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

    /// The schemas of an endpoint's types.
    pub(crate) fn reads<R: JsonSchema, T: Reply>() -> Reads {
        |schemas: &mut Schemas| (R::json_schema(&mut schemas.reads), T::answers(schemas))
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

    impl Function {
        /// Its endpoint with what it reads and answers; `None` for a function without a route.
        pub fn operation(&self, schemas: &mut Schemas) -> Option<Operation> {
            let (Trigger::Route(endpoint), Some(reads)) = (self.trigger, self.reads) else {
                return None;
            };
            let (input, answers) = reads(schemas);
            Some(Operation { endpoint, input, answers })
        }
    }
}

#[cfg(feature = "schema")]
pub(crate) use described::reads;

/// Collects the schemas of an endpoint's input and answers.
#[cfg(feature = "schema")]
pub(crate) type Reads = fn(&mut Schemas) -> (schemars::Schema, Vec<Answers>);
