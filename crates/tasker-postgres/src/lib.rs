//! postgres

pub mod cluster;
