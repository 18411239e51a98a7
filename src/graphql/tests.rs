//! Requests from end to end, without a transport.
