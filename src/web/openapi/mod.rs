//! Describes what is served on `server.listen`, and shows it: as an `OpenAPI` document at
//! `/openapi.json`, and as a page for people at `/docs`.
//!
//! A route is added together with the operations that it answers ([`Routes::route`]), so the
//! document has them all. The description is made by functions and not by a derive macro: the
//! parameters are read by hand, since their errors must name what is wrong, SCIM has one route for
//! all its paths, and what its resources and the rows of reports look like is known to the tables
//! that also make them.

mod document;
mod operation;
mod page;
mod routes;
mod schema;
mod served;

pub(in crate::web) use operation::{
    Access, Answer, Content, Header, Operation, Parameter, Tag, Verb,
};
pub(in crate::web) use routes::Routes;
pub(in crate::web) use schema::{
    anything, bytes, constant, count, flag, list, object, open, or_null, partial, reference, said,
    text, time, words,
};
pub(in crate::web) use served::served;
