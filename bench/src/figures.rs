//! What was measured: printed as it comes, and kept for a machine to read.

use serde_json::{Map, Value, json};

/// One measured figure.
pub(crate) struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    against: Option<f64>,
    ratio: Option<f64>,
}

impl Figure {
    /// A figure without anything to hold it against.
    pub(crate) fn alone(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            against: None,
            ratio: None,
        }
    }

    /// A figure of which more is better, such as requests per second.
    pub(crate) fn more_is_better(
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        against: f64,
    ) -> Self {
        Self {
            against: Some(against),
            ratio: Some(value / against),
            ..Self::alone(name, value, unit)
        }
    }

    /// A figure of which less is better, such as time or bytes.
    pub(crate) fn less_is_better(
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        against: f64,
    ) -> Self {
        Self {
            against: Some(against),
            ratio: Some(against / value),
            ..Self::alone(name, value, unit)
        }
    }

    /// Replaces the ratio by one that was measured pair by pair.
    pub(crate) fn with_ratio(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio);
        self
    }
}

/// All figures of a run.
#[derive(Default)]
pub(crate) struct Report(Vec<Figure>);

impl Report {
    /// Begins a part of the table; `against` says what its figures are held against.
    pub(crate) fn section(&self, title: &str, against: &str) {
        println!("\n{title}");
        println!(
            "  {:<44} {:>12} {:>12} {:>7}  unit",
            "", "measured", against, "ratio"
        );
    }

    /// Prints and keeps a figure.
    pub(crate) fn add(&mut self, figure: Figure) {
        let cell = |number: Option<f64>, decimals: usize| match number {
            Some(number) => format!("{number:.decimals$}"),
            None => "-".to_owned(),
        };
        let decimals = if figure.value < 100.0 { 1 } else { 0 };
        println!(
            "  {:<44} {:>12} {:>12} {:>7}  {}",
            figure.name,
            cell(Some(figure.value), decimals),
            cell(figure.against, decimals),
            cell(figure.ratio, 2),
            figure.unit
        );
        self.0.push(figure);
    }

    /// `{"name": {"value", "unit", "against", "ratio"}}`; what a figure does not have is null.
    pub(crate) fn to_json(&self) -> String {
        let figures: Map<String, Value> = self
            .0
            .iter()
            .map(|figure| {
                let figures = json!({
                    "value": figure.value,
                    "unit": figure.unit,
                    "against": figure.against,
                    "ratio": figure.ratio,
                });
                (figure.name.clone(), figures)
            })
            .collect();
        format!("{:#}\n", Value::Object(figures))
    }
}

/// The middle one; 0 of none.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_above_one_when_the_figure_is_better_than_its_peer() {
        let mut report = Report::default();
        report.add(Figure::more_is_better("speed", 30.0, "1/s", 20.0));
        report.add(Figure::less_is_better("time", 30.0, "ns", 15.0));
        report.add(Figure::less_is_better("paired", 30.0, "ns", 15.0).with_ratio(0.25));
        report.add(Figure::alone("size", 7.0, "bytes"));
        assert_eq!(
            serde_json::from_str::<Value>(&report.to_json()).unwrap(),
            json!({
                "speed": {"value": 30.0, "unit": "1/s", "against": 20.0, "ratio": 1.5},
                "time": {"value": 30.0, "unit": "ns", "against": 15.0, "ratio": 0.5},
                "paired": {"value": 30.0, "unit": "ns", "against": 15.0, "ratio": 0.25},
                "size": {"value": 7.0, "unit": "bytes", "against": null, "ratio": null},
            })
        );
    }

    #[test]
    fn the_middle_of_some_numbers() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
