//! Plots as SVG: load, lag, workers and cost over time, one line a rule, one scale a panel.

use std::fmt::Write as _;

use super::curve::Curve;
use super::outcome::{Outcome, Point};
use crate::number::grouped;

const WIDTH: f64 = 900.0;
const PANEL: f64 = 130.0;
const GAP: f64 = 54.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 88.0;
const PLOT: f64 = WIDTH - LEFT - RIGHT;
/// Told apart by people who do not see all colours.
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#999999"];
const INK: &str = "#222222";
const FAINT: &str = "#555555";

/// Times of a picture, in seconds.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: f64,
    until: f64,
}

impl Span {
    fn x(self, second: f64) -> f64 {
        LEFT + PLOT * (second - self.from) / (self.until - self.from).max(1.0)
    }
}

/// One picture of all outcomes of one curve, as far as the curve is to be drawn. An empty list gives an empty picture.
#[must_use]
pub fn svg(curve: &Curve, outcomes: &[&Outcome]) -> String {
    let height = TOP + 4.0 * (PANEL + GAP) - 14.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\" fill=\"none\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let _ =
        writeln!(out, "<text x=\"16\" y=\"24\" font-size=\"15\" fill=\"{INK}\">{}: {}</text>", curve.name, curve.about);
    let mut x = LEFT;
    for (outcome, colour) in outcomes.iter().zip(COLOURS) {
        let end = x + 22.0;
        let _ = writeln!(
            out,
            "<path d=\"M{x} 46H{end}\" stroke=\"{colour}\" stroke-width=\"3\"/>\n\
             <text x=\"{}\" y=\"50\" fill=\"{INK}\">{}</text>",
            end + 6.0,
            outcome.policy
        );
        x += 200.0;
    }
    let (from, until) = curve.drawn;
    let span = Span { from: f64::from(from), until: f64::from(until) };
    let load: Vec<(f64, f64)> = (0..=300_u32)
        .map(|part| from + (until - from) / 300 * part)
        .map(|second| (span.x(f64::from(second)), curve.load.rate(second)))
        .collect();
    panel(&mut out, 0, "arriving, records/s", span, &[(INK, load)]);
    let lines = |of: fn(&Point) -> f64| -> Vec<(&str, Vec<(f64, f64)>)> {
        let points = |outcome: &Outcome| outcome.points.iter().map(|p| (span.x(f64::from(p.second)), of(p))).collect();
        outcomes.iter().zip(COLOURS).map(|(outcome, colour)| (colour, points(outcome))).collect()
    };
    panel(&mut out, 1, "longest wait of a record that could be read, s", span, &lines(|point| point.lag_seconds));
    panel(&mut out, 2, "workers that consume", span, &lines(|point| point.workers));
    panel(&mut out, 3, "cost since the beginning, $", span, &lines(|point| point.dollars));
    out.push_str("</svg>\n");
    out
}

/// The least of 1, 2, 2.5, 5 and their tenfolds that is not less.
fn round_up(most: f64) -> f64 {
    let power = 10.0_f64.powf(most.max(1e-6).log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps.map(|step| step * power).into_iter().find(|round| *round >= most * 0.999).unwrap_or(most)
}

fn panel(out: &mut String, row: u32, label: &str, span: Span, lines: &[(&str, Vec<(f64, f64)>)]) {
    let top = TOP + f64::from(row) * (PANEL + GAP);
    let (bottom, right) = (top + PANEL, LEFT + PLOT);
    let most = round_up(lines.iter().flat_map(|(_, line)| line).map(|(_, y)| *y).fold(0.0, f64::max));
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{}\" fill=\"{INK}\">{label}</text>", top - 10.0);
    for part in [1.0, 0.5, 0.0] {
        let (y, value) = (bottom - PANEL * part, most * part);
        let value = if most < 10.0 { format!("{value:.2}") } else { grouped(value) };
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {y}H{right}\" stroke=\"#dddddd\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"{FAINT}\">{value}</text>",
            LEFT - 8.0,
            y + 4.0
        );
    }
    for quarter in 0..=4 {
        let second = span.from + (span.until - span.from) * f64::from(quarter) / 4.0;
        let (x, y, hours) = (span.x(second), bottom + 17.0, second / 3_600.0);
        let digits = usize::from(hours.fract() > 0.01);
        let _ = writeln!(
            out,
            "<path d=\"M{x} {bottom}v4\" stroke=\"#888888\"/>\
             <text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"{FAINT}\">{hours:.digits$} h</text>"
        );
    }
    // The first line is drawn last, so that it lies on top.
    for (index, (colour, line)) in lines.iter().enumerate().rev() {
        let width = if index == 0 { 2.2 } else { 1.4 };
        let mut path = String::new();
        for (x, y) in line {
            let _ = write!(path, "{}{x:.1} {:.1}", if path.is_empty() { 'M' } else { 'L' }, bottom - PANEL * y / most);
        }
        let _ = writeln!(out, "<path d=\"{path}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>");
    }
    let _ = writeln!(out, "<path d=\"M{LEFT} {top}V{bottom}H{right}\" stroke=\"#888888\"/>");
}
