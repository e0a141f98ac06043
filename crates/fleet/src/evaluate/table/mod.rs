//! The tables of an evaluation as text.

mod verdicts;

use std::fmt::Write;

use super::baselines::float;
use super::gates::{Bound, Gate};
use super::scenario::Class;
use super::summary::{Line, Ours};
use super::{Calibration, Evaluation};

/// Width of a scenario's name.
const NAME: usize = 18;

/// Everything, in the order in which one wants to know it.
pub(super) fn text(evaluation: &Evaluation) -> String {
    let lines = &evaluation.lines;
    let planted: Vec<&Line> = lines.iter().filter(|line| line.class.is_planted()).collect();
    let nulls: Vec<&Line> = lines.iter().filter(|line| !line.class.is_planted()).collect();
    let mut text = heading(evaluation);
    if !planted.is_empty() {
        text += &ranking(
            "precision@1",
            &planted,
            |simple| simple.precision_at_1,
            |ours| ours.precision_at_1,
        );
        text += &ranking("top 3", &planted, |simple| simple.top_3, |ours| ours.top_3);
        text += &verdicts::text("Verdicts where somebody is guilty", &planted);
    }
    if !nulls.is_empty() {
        text += &accusations(&nulls);
        text += &verdicts::text("Verdicts where nobody is guilty", &nulls);
    }
    for calibration in &evaluation.calibration {
        text += &probabilities(calibration);
    }
    text += &gates(&evaluation.gates);
    text
}

fn heading(evaluation: &Evaluation) -> String {
    let spent = &evaluation.milliseconds;
    format!(
        "{} runs a scenario; {} seeds from {}; {:.0} s\n{}\nmean ms: fleet {:.0}, counts {:.0}, baselines {:.0}, one verdict {:.0}\n",
        evaluation.runs,
        evaluation.seeds,
        evaluation.first_seed,
        evaluation.seconds,
        evaluation.ran_on,
        spent.inventing,
        spent.counting,
        spent.baselines,
        spent.verdict,
    )
}

/// A figure of every method, with the mean over the nine core scenarios at the end.
fn ranking(
    title: &str,
    lines: &[&Line],
    simple: impl Fn(&super::summary::Simple) -> f64,
    ours: impl Fn(&Ours) -> f64,
) -> String {
    let Some(first) = lines.first() else {
        return String::new();
    };
    let baselines = first.baselines.iter().map(|simple| simple.method.to_owned());
    let verdicts = first
        .verdicts
        .iter()
        .map(|ours| format!("OURS {}", ours.evidence));
    let mut text = format!("\n{title}\n{:NAME$} {:>6}", "", "cases");
    for method in baselines.chain(verdicts) {
        let _ = write!(text, " {:>8}", abbreviated(&method));
    }
    text.push('\n');
    let values = |line: &Line| -> Vec<f64> {
        let baselines = line.baselines.iter().map(&simple);
        baselines.chain(line.verdicts.iter().map(&ours)).collect()
    };
    for line in lines {
        let _ = write!(text, "{:NAME$} {:>6.1}", line.scenario, line.cases);
        text += &row(&values(line));
    }
    let core: Vec<Vec<f64>> = lines
        .iter()
        .filter(|line| line.class == Class::Core)
        .map(|line| values(line))
        .collect();
    if let Some(width) = core.first().map(Vec::len) {
        let mean = |column: usize| core.iter().map(|row| row[column]).sum::<f64>() / float(core.len());
        let title = format!("mean of {}", core.len());
        let _ = write!(text, "{title:NAME$} {:>6}", "");
        text += &row(&(0..width).map(mean).collect::<Vec<_>>());
    }
    text
}

fn row(values: &[f64]) -> String {
    let mut text = String::new();
    for value in values {
        let _ = write!(text, " {value:>8.2}");
    }
    text.push('\n');
    text
}

/// At most eight characters of a method's name: the beginnings of its words.
fn abbreviated(method: &str) -> String {
    let short = match method {
        "crash count" => "crashes",
        "stack blame count" => "blame",
        "support difference" => "support",
        "% machines crashed" => "%crashed",
        "crude IC025" => "IC025",
        "IC025 in strata" => "IC025str",
        "self-controlled" => "self",
        "conditional BF" => "cond.BF",
        "OURS counts" => "OURS",
        "OURS dumps" => "+dumps",
        "OURS sites" => "+sites",
        "OURS dumps+sites" => "+both",
        other => other,
    };
    short.to_owned()
}

/// How often each method's rule accuses somebody where nobody is guilty.
fn accusations(lines: &[&Line]) -> String {
    let mut text = format!(
        "\nFalse accusations on null fleets (share of runs)\n{:NAME$} {:>6}",
        "", "cases"
    );
    let Some(first) = lines.first() else {
        return text;
    };
    let ruled = |line: &Line| -> Vec<(String, f64)> {
        let baselines = line.baselines.iter();
        let simple = baselines.filter_map(|simple| Some((abbreviated(simple.method), simple.accuses?)));
        let ours = line.verdicts.iter().map(|ours| {
            let share = float(ours.accused_wrong) / float(line.runs.max(1));
            (abbreviated(&format!("OURS {}", ours.evidence)), share)
        });
        simple.chain(ours).collect()
    };
    for (method, _) in ruled(first) {
        let _ = write!(text, " {method:>8}");
    }
    text.push('\n');
    for line in lines {
        let _ = write!(text, "{:NAME$} {:>6.1}", line.scenario, line.cases);
        text += &row(&ruled(line)
            .into_iter()
            .map(|(_, share)| share)
            .collect::<Vec<_>>());
    }
    text
}

fn probabilities(calibration: &Calibration) -> String {
    let mut text = format!("\nCalibration, {}\n", calibration.evidence);
    let _ = writeln!(
        text,
        "{:>12} {:>9} {:>6} {:>7}",
        "probability", "suspects", "said", "guilty"
    );
    for (number, bin) in calibration.bins.iter().enumerate() {
        let mark = if bin.is_judged() {
            ""
        } else {
            "  (too few to judge)"
        };
        let range = format!("{}-{} %", number * 10, number * 10 + 10);
        let _ = writeln!(
            text,
            "{range:>12} {:>9} {:>6.2} {:>7.2}{mark}",
            bin.suspects, bin.said, bin.guilty
        );
    }
    text
}

fn gates(gates: &[Gate]) -> String {
    let mut text = format!(
        "\n{:58} {:>11} {:>8} {:>8}\n",
        "Figure", "evidence", "reached", "wanted"
    );
    for gate in gates {
        let sign = if gate.bound == Bound::AtLeast { ">=" } else { "<=" };
        let reached = gate
            .reached
            .map_or("-".to_owned(), |reached| format!("{reached:.3}"));
        let passed = match gate.passed() {
            Some(true) => "pass",
            Some(false) => "MISSED",
            None => "not run",
        };
        let _ = writeln!(
            text,
            "{:58} {:>11} {reached:>8} {:>8}  {passed}",
            gate.figure,
            gate.evidence,
            format!("{sign} {:.2}", gate.wanted),
        );
    }
    text
}
