//! An endpoint as the API's document describes it.

use schemars::Schema;

use crate::{
    contract::{Answers, Schemas},
    endpoint::Endpoint,
    function::{Function, Trigger},
};

/// An endpoint with what it reads and answers.
#[derive(Debug)]
pub struct Operation {
    /// The route and its rules.
    pub endpoint: Endpoint,
    /// The variables of its process, which tell whom it calls.
    pub variables: Vec<&'static str>,
    /// Its whole input: path parameters with the query string or with the body.
    pub input: Schema,
    /// Its answers, errors aside.
    pub answers: Vec<Answers>,
}

impl Function {
    /// Its endpoint with what it reads and answers; `None` for a function without a route.
    pub fn operation(&self, schemas: &mut Schemas) -> Option<Operation> {
        let (Trigger::Route(endpoint), Some(reads)) = (self.trigger, self.reads) else {
            return None;
        };
        let (input, answers) = reads(schemas);
        let variables = self.variables().to_vec();
        Some(Operation { endpoint, variables, input, answers })
    }
}
