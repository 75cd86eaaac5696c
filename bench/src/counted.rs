//! What `locum-bench-memory` counted, as it tells `locum-bench`: JSON on standard output.

use serde::{Deserialize, Serialize};

/// Figures of one kind.
#[derive(Debug, Deserialize, Serialize)]
pub struct Section {
    /// What they are.
    pub title: String,
    /// What they are held against; empty for nothing.
    pub against: String,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// One figure, of which less is better.
#[derive(Debug, Deserialize, Serialize)]
pub struct Figure {
    /// Its name among all figures.
    pub name: String,
    /// What was counted.
    pub value: f64,
    /// The unit.
    pub unit: String,
    /// What it is held against.
    pub against: Option<f64>,
}
