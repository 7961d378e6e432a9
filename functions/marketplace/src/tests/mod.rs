//! The marketplace as a frontend meets it: whole requests, from API Gateway's event to the wire.

mod buying;
