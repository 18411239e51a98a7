//! What goes wrong around the database: starts on a bad one, and servers and connections that are lost.

mod commits;
mod deleted;
mod outage;
mod requests;
mod start;
mod wall;
