//! The round trip of each probe as a picture: when it was sent from left to right, how long it took from below. What became of a probe
//! is told by the shape of its mark and by its colour; what has no round trip stands in a lane above the others.

use std::fmt::Write as _;

use super::markup::Markup;
use super::table::{self, Cell, Row};
use crate::model::Ms;
use crate::model::outcome::SampleOutcome;
use crate::model::statistics::{Probes, Sample};
use crate::model::text::count;

/// The picture, and the part of it in which marks stand, in its own units.
const WIDTH: f64 = 760.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 736.0;
const HEIGHT: f64 = 200.0;
/// The lane for what has no round trip.
const LANE: f64 = 34.0;
/// Below the marks: the numbers of the axis, and its name.
const BELOW: f64 = 44.0;
/// Half the size of a mark.
const HALF: f64 = 5.0;
/// Up to so many marks each say what they are; more of them stand closer than they could be pointed at.
const TOLD: usize = 300;
/// Up to so many probes are listed; the JSON has all.
const LISTED: usize = 300;

/// What became of a probe, as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Answered.
    Ok,
    /// Answered, after the kernel had sent it again.
    Again,
    /// A reset.
    Refused,
    /// Silence.
    Lost,
    /// An ICMP error, or an error of this machine.
    Error,
}

impl Mark {
    /// Every one, in the order of the legend.
    pub const ALL: [Self; 5] = [
        Self::Ok,
        Self::Again,
        Self::Refused,
        Self::Lost,
        Self::Error,
    ];

    /// How a probe is drawn.
    pub fn of(sample: &Sample) -> Self {
        let again = sample.retransmits.is_some_and(|again| again > 0);
        match sample.outcome {
            SampleOutcome::Ok if again => Self::Again,
            SampleOutcome::Ok => Self::Ok,
            SampleOutcome::Refused => Self::Refused,
            SampleOutcome::Lost => Self::Lost,
            SampleOutcome::Error => Self::Error,
        }
    }

    /// Its class.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Ok => "mark ok",
            Self::Again => "mark again",
            Self::Refused => "mark refused",
            Self::Lost => "mark lost",
            Self::Error => "mark error",
        }
    }

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "answered",
            Self::Again => "answered, sent again before",
            Self::Refused => "refused",
            Self::Lost => "not answered",
            Self::Error => "ended with an error",
        }
    }

    /// Its shape round a place, as the data of a path: each differs from the others without its colour.
    pub fn shape(self, x: f64, y: f64) -> String {
        let (left, right) = (x - HALF, x + HALF);
        let (top, foot) = (y - HALF, y + HALF);
        match self {
            // A circle.
            Self::Ok => {
                format!("M{left:.1} {y:.1}a{HALF} {HALF} 0 1 0 10 0a{HALF} {HALF} 0 1 0 -10 0z")
            }
            // A triangle.
            Self::Again => format!("M{x:.1} {top:.1}L{right:.1} {foot:.1}H{left:.1}z"),
            // A diamond.
            Self::Refused => {
                format!("M{x:.1} {top:.1}L{right:.1} {y:.1}L{x:.1} {foot:.1}L{left:.1} {y:.1}z")
            }
            // A cross.
            Self::Lost => format!(
                "M{left:.1} {top:.1}L{right:.1} {foot:.1}M{left:.1} {foot:.1}L{right:.1} {top:.1}"
            ),
            // A square.
            Self::Error => format!("M{left:.1} {top:.1}H{right:.1}V{foot:.1}H{left:.1}z"),
        }
    }
}

/// A scale from zero: how far apart its lines are, how many there are, and the unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// Milliseconds between two lines.
    pub step: f64,
    /// Lines above zero.
    pub lines: u32,
    /// `ms` or `s`.
    pub unit: &'static str,
    /// Milliseconds in the unit.
    pub per: f64,
    /// Digits behind the point.
    pub digits: usize,
}

impl Scale {
    /// The scale for times up to this one: lines at 1, 2 or 5 of a power of ten, three to six of them.
    pub fn to(longest: Ms) -> Self {
        // A microsecond is the least that there is.
        let most = longest.as_f64().max(0.001);
        let power = 10_f64.powf((most / 5.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|of| of * power)
            .find(|step| most / step <= 5.0 + 1e-9)
            .unwrap_or(10.0 * power);
        let lines = (most / step - 1e-9).ceil().max(1.0);
        let (unit, per) = if most >= 2000.0 {
            ("s", 1000.0)
        } else {
            ("ms", 1.0)
        };
        let digits = (-(step / per).log10().floor()).clamp(0.0, 6.0);
        // Both are small and positive: `as` loses nothing.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let (lines, digits) = (lines as u32, digits as usize);
        Self {
            step,
            lines,
            unit,
            per,
            digits,
        }
    }

    /// The top of it, in milliseconds.
    pub fn top(self) -> f64 {
        self.step * f64::from(self.lines)
    }
}

/// Puts the picture, its legend and the list of all probes.
pub(super) fn put(markup: &mut Markup, prefix: &str, to: &str, probes: &Probes) {
    if probes.samples.is_empty() {
        return;
    }
    markup.element("figure", &[], |m| {
        let (title, about) = (format!("{prefix}chart"), format!("{prefix}chart-about"));
        let height = (HEIGHT + BELOW).to_string();
        let width = WIDTH.to_string();
        let view = format!("0 0 {width} {height}");
        m.element("figcaption", &[], |m| {
            m.text(&format!("The round trip of each probe to {to}"));
        });
        let named = format!("{title} {about}");
        m.element(
            "div",
            &[
                ("class", "scroll"),
                ("role", "group"),
                ("aria-labelledby", &title),
                ("tabindex", "0"),
            ],
            |m| {
                let svg = [
                    ("class", "chart"),
                    ("role", "img"),
                    ("aria-labelledby", named.as_str()),
                    ("viewBox", &view),
                    ("width", &width),
                    ("height", &height),
                ];
                m.element("svg", &svg, |m| {
                    m.says_plainly("title", &[("id", &title)], "Round trip of each probe");
                    m.says_plainly("desc", &[("id", &about)], &in_words(probes));
                    drawn(m, probes);
                });
            },
        );
        legend(m, probes);
    });
    listed(markup, prefix, to, &probes.samples);
}

fn in_words(probes: &Probes) -> String {
    let mut words: Vec<String> = tally(probes)
        .into_iter()
        .map(|(mark, number)| format!("{number} {}", mark.word()))
        .collect();
    if let (Some(min), Some(avg), Some(max)) = (probes.min_ms, probes.avg_ms, probes.max_ms) {
        words.push(format!("from {min} to {max}, {avg} on average"));
    }
    format!(
        "{} in the order in which they were sent: {}.",
        count(probes.samples.len() as u64, "probe"),
        words.join("; ")
    )
}

/// How many there are of each kind; none of what there is none.
fn tally(probes: &Probes) -> Vec<(Mark, usize)> {
    Mark::ALL
        .into_iter()
        .map(|mark| {
            let all = probes.samples.iter();
            (mark, all.filter(|sample| Mark::of(sample) == mark).count())
        })
        .filter(|(_, number)| *number > 0)
        .collect()
}

fn drawn(markup: &mut Markup, probes: &Probes) {
    let samples = &probes.samples;
    let longest = samples.iter().filter_map(|sample| sample.rtt_ms).max();
    let timeless = samples.iter().any(|sample| sample.rtt_ms.is_none());
    let top = if timeless { LANE } else { 12.0 };
    let scale = longest.map(Scale::to);
    let y = |ms: f64| {
        let part = scale.map_or(0.0, |scale| ms / scale.top());
        HEIGHT - part * (HEIGHT - top - HALF)
    };
    let x = |at: usize| LEFT + (at as f64 + 0.5) / samples.len() as f64 * (RIGHT - LEFT);
    if let Some(scale) = scale {
        for line in 0..=scale.lines {
            let ms = scale.step * f64::from(line);
            let place = y(ms);
            let told = format!("{:.*}", scale.digits, ms / scale.per);
            level(markup, "grid", place);
            label(markup, "end", LEFT - 8.0, place + 4.0, &told);
        }
        let name = format!("round trip ({})", scale.unit);
        let middle = f64::midpoint(HEIGHT, top);
        let turned = format!("rotate(-90 14 {middle:.0})");
        let (x, y) = ("14".to_owned(), format!("{middle:.0}"));
        let place = [
            ("class", "axis"),
            ("text-anchor", "middle"),
            ("x", &x),
            ("y", &y),
            ("transform", &turned),
        ];
        markup.says_plainly("text", &place, &name);
    } else {
        level(markup, "grid", HEIGHT);
    }
    if timeless {
        label(markup, "end", LEFT - 8.0, LANE / 2.0 + 4.0, "no time");
        level(markup, "lane", LANE - 4.0);
    }
    if let Some(average) = probes.avg_ms {
        level(markup, "average", y(average.as_f64()));
        let told = format!("average {average}");
        label(markup, "end", RIGHT, y(average.as_f64()) - 4.0, &told);
    }
    let every = Scale::to(Ms::from_millis(samples.len() as u64))
        .step
        .max(1.0);
    for at in 0..samples.len() {
        let number = at + 1;
        if number == 1 || (number as f64 % every).abs() < 1e-6 {
            label(markup, "middle", x(at), HEIGHT + 16.0, &number.to_string());
        }
    }
    label(
        markup,
        "middle",
        f64::midpoint(LEFT, RIGHT),
        HEIGHT + 36.0,
        "probe, in the order in which they were sent",
    );
    let place = |at: usize, sample: &Sample| {
        let shown = sample.rtt_ms.map_or(LANE / 2.0, |ms| y(ms.as_f64()));
        Mark::of(sample).shape(x(at), shown)
    };
    if samples.len() <= TOLD {
        for (at, sample) in samples.iter().enumerate() {
            let mark = [
                ("class", Mark::of(sample).class()),
                ("d", &place(at, sample)),
            ];
            markup.element("path", &mark, |m| {
                m.says_plainly("title", &[], &told(at, sample));
            });
        }
        return;
    }
    for (mark, _) in tally(probes) {
        let mut all = String::new();
        for (at, sample) in samples.iter().enumerate() {
            if Mark::of(sample) == mark {
                all.push_str(&place(at, sample));
            }
        }
        markup.empty("path", &[("class", mark.class()), ("d", &all)]);
    }
}

/// A line across the picture.
fn level(markup: &mut Markup, class: &str, y: f64) {
    let mut way = String::new();
    // Writing to a string can't fail.
    let _ = write!(way, "M{LEFT} {y:.1}H{RIGHT}");
    markup.empty("path", &[("class", class), ("d", &way)]);
}

fn label(markup: &mut Markup, anchor: &str, x: f64, y: f64, text: &str) {
    let (x, y) = (format!("{x:.1}"), format!("{y:.1}"));
    let place = [
        ("class", "axis"),
        ("text-anchor", anchor),
        ("x", &x),
        ("y", &y),
    ];
    markup.says_plainly("text", &place, text);
}

/// What a mark says to who points at it.
fn told(at: usize, sample: &Sample) -> String {
    let from = sample
        .source_port
        .map(|port| format!(" from port {port}"))
        .unwrap_or_default();
    let time = sample
        .rtt_ms
        .map(|ms| format!(", {ms}"))
        .unwrap_or_default();
    let again = sample.retransmits.filter(|again| *again > 0);
    let again = again
        .map(|again| format!(", sent {} times", again.saturating_add(1)))
        .unwrap_or_default();
    format!(
        "probe {}, sent after {}{from}: {}{time}{again}",
        at + 1,
        sample.at_ms,
        Mark::of(sample).word()
    )
}

fn legend(markup: &mut Markup, probes: &Probes) {
    markup.element("ul", &[("class", "legend")], |m| {
        for (mark, number) in tally(probes) {
            m.element("li", &[], |m| {
                let sign = [
                    ("class", "sign"),
                    ("viewBox", "0 0 14 14"),
                    ("width", "14"),
                    ("height", "14"),
                    ("aria-hidden", "true"),
                ];
                m.element("svg", &sign, |m| {
                    let shape = mark.shape(7.0, 7.0);
                    m.empty("path", &[("class", mark.class()), ("d", &shape)]);
                });
                m.text(&format!("{number} {}", mark.word()));
            });
        }
    });
}

/// The same as a table, for who can't see the picture and for who wants the numbers.
fn listed(markup: &mut Markup, prefix: &str, to: &str, samples: &[Sample]) {
    markup.element("details", &[], |m| {
        m.says("summary", &[], &format!("Each probe to {to}, as a table"));
        let rows: Vec<Row> = samples
            .iter()
            .take(LISTED)
            .zip(1_u32..)
            .map(|(sample, number)| {
                Row::of(vec![
                    Cell::count(number),
                    Cell::time(Some(sample.at_ms)),
                    sample
                        .source_port
                        .map_or_else(|| Cell::text(""), |port| Cell::count(u32::from(port))),
                    Cell::text(Mark::of(sample).word()),
                    Cell::time(sample.rtt_ms),
                    sample
                        .retransmits
                        .map_or_else(|| Cell::text(""), Cell::count),
                ])
            })
            .collect();
        let columns = [
            "probe",
            "sent after",
            "source port",
            "what became of it",
            "round trip",
            "sent again",
        ];
        table::put(
            m,
            &format!("{prefix}each"),
            &format!("Each probe to {to}"),
            &columns,
            &rows,
        );
        if samples.len() > LISTED {
            let more = samples.len() - LISTED;
            m.says("p", &[], &format!("{more} more are in the JSON."));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::{Mark, Scale};
    use crate::model::Ms;

    #[test]
    fn the_scale_has_a_few_round_lines_and_holds_the_longest() {
        for micros in [
            1,
            40,
            999,
            1000,
            4900,
            12_345,
            50_000,
            999_999,
            1_029_000,
            3_500_000,
            86_400_000_000,
        ] {
            let longest = Ms::from_micros(micros);
            let scale = Scale::to(longest);
            assert!((2..=5).contains(&scale.lines), "{longest}: {scale:?}");
            assert!(
                scale.top() >= longest.as_f64() * 0.999_999,
                "{longest}: {scale:?}"
            );
            assert!(
                scale.top() <= longest.as_f64() * 2.0,
                "{longest}: {scale:?}"
            );
            // What is written beside a line is where the line is.
            let written: f64 = format!("{:.*}", scale.digits, scale.step / scale.per)
                .parse()
                .unwrap();
            assert!(
                (written * scale.per - scale.step).abs() < scale.step * 1e-6,
                "{scale:?}"
            );
        }
        assert_eq!(Scale::to(Ms::from_millis(3500)).unit, "s");
        assert!(Scale::to(Ms::ZERO).lines >= 1);
    }

    #[test]
    fn each_kind_of_mark_has_a_shape_a_class_and_a_word_of_its_own() {
        for (at, one) in Mark::ALL.into_iter().enumerate() {
            for other in Mark::ALL.into_iter().skip(at + 1) {
                assert_ne!(one.shape(7.0, 7.0), other.shape(7.0, 7.0));
                assert_ne!(one.class(), other.class());
                assert_ne!(one.word(), other.word());
            }
        }
    }
}
