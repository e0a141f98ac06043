//! What to do about a crash, in sentences for the person who looks after the machines.
//!
//! | module | in it |
//! |---|---|
//! | `code` | stop codes that deserve words of their own |
//! | `class` | what holds for every code of a class |
//! | `device` | what kind of device a driver serves, and what helps with that kind |
//! | `locked_pages` | 0x76 and 0xCB, the reason this program exists |
//!
//! A list runs from the most useful step to the last resort, and says no step twice.

mod class;
mod code;
mod device;
mod locked_pages;

use device::Family;

use wire::StopCodeNumber;
use wire::report::{Confidence, Exception, ProbableDriver, StopCodeClass};

use crate::stop_codes;

/// What to do about a stop code when nothing else is known, most useful first.
///
/// ```
/// let steps = analysis::guidance::for_stop_code(0x76);
/// assert!(steps.iter().any(|step| step.contains("TrackLockedPages")));
/// ```
pub fn for_stop_code(raw_code: u32) -> Vec<String> {
    let code = StopCodeNumber::from_raw(raw_code).get();
    let class = stop_codes::find(raw_code).map_or(StopCodeClass::Unknown, |info| info.class);
    let mut steps = code::steps(code);
    if !code::stands_alone(code) {
        steps.extend(class::steps(class));
    }
    collect(steps)
}

/// What a kernel crash report knows that changes the advice.
pub(crate) struct KernelCrash<'a> {
    /// The code as the dump holds it.
    pub(crate) raw_code: u32,
    /// Its four parameters.
    pub(crate) parameters: [u64; 4],
    /// The driver most likely at fault.
    pub(crate) probable_driver: Option<&'a ProbableDriver>,
    /// The process whose dump it is.
    pub(crate) process: Option<&'a str>,
    /// Whether the machine crashed within two minutes of its start.
    pub(crate) during_start: bool,
}

/// What to do about one kernel crash: first what is about this crash, then what holds for its stop code.
pub(crate) fn for_kernel_crash(crash: &KernelCrash<'_>) -> Vec<String> {
    let mut steps = Vec::new();
    if let Some(driver) = crash.probable_driver {
        steps.extend(driver_steps(driver));
    }
    let code = StopCodeNumber::from_raw(crash.raw_code).get();
    steps.extend(code::parameter_steps(code, crash.parameters, crash.process));
    if crash.during_start {
        steps.push(
            "It stopped within two minutes of its start: if it cannot start at all, start it in safe mode or from the \
             recovery environment and undo the last driver installation there."
                .to_owned(),
        );
    }
    steps.extend(for_stop_code(crash.raw_code));
    collect(steps)
}

fn driver_steps(driver: &ProbableDriver) -> Vec<String> {
    let name = &driver.name;
    let certainty = match driver.confidence {
        Confidence::High => {
            format!("{name} is most likely at fault: update it to the newest version its vendor offers.")
        }
        Confidence::Medium => format!(
            "{name} is a likely suspect: update it, and see whether other crashes of the fleet point at it too."
        ),
        Confidence::Low => format!(
            "{name} was near the crash, which is a hint and no more: look for other crashes that name it before \
             changing it."
        ),
    };
    let mut steps = vec![certainty];
    if let Some(via) = &driver.via {
        steps.push(format!(
            "The fault came through {via}, a layer of Windows that acts for other drivers; replacing {via} will not help."
        ));
    }
    if driver.confidence > Confidence::Low {
        steps.push(format!(
            "If the newest {name} crashes as well, roll back to the last version that did not, or uninstall it."
        ));
    }
    steps.extend(Family::of(name).map(|family| family.advice().to_owned()));
    steps
}

/// What to do about a crash of a program.
pub(crate) fn for_user_crash(
    exception: Option<&Exception>,
    module: Option<&str>,
    process: Option<&str>,
) -> Vec<String> {
    let program = process.unwrap_or("the program");
    let Some(exception) = exception else {
        return vec![
            "The dump holds no exception: it was taken of a running or hanging program, not of a crash."
                .to_owned(),
        ];
    };
    let mut steps = Vec::new();
    match module {
        Some(module) if !module.eq_ignore_ascii_case(program) => steps.push(format!(
            "The fault is in {module}, which {program} had loaded: update or remove the product {module} belongs to."
        )),
        _ => steps.push(format!("The fault is in {program} itself: update it, or send this dump to its vendor.")),
    }
    if exception.name.contains("IN_PAGE_ERROR") {
        steps.push(
            "Windows could not read a page of the program from disk: check the drive and the network path it runs from."
                .to_owned(),
        );
    }
    steps.push(
        "Overlays, screen readers, security software and shell extensions load themselves into other programs: try \
         without them on one machine."
            .to_owned(),
    );
    steps
}

/// The steps in order, without those that were said before.
fn collect(steps: Vec<String>) -> Vec<String> {
    let mut said = Vec::with_capacity(steps.len());
    for step in steps {
        if !said.contains(&step) {
            said.push(step);
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stop_code_has_advice_and_none_says_a_step_twice() {
        for info in stop_codes::all() {
            let steps = for_stop_code(info.code);
            assert!(!steps.is_empty(), "{} has no advice", info.name);
            let mut unique = steps.clone();
            unique.sort();
            unique.dedup();
            assert_eq!(unique.len(), steps.len(), "{} says a step twice", info.name);
        }
        assert!(
            !for_stop_code(0x0bad_c0de).is_empty(),
            "an unknown code has advice too"
        );
    }

    #[test]
    fn steps_are_sentences() {
        for info in stop_codes::all() {
            for step in for_stop_code(info.code) {
                assert!(step.ends_with('.'), "{step}");
                assert!(!step.contains("  "), "{step}");
                assert!(
                    step.starts_with(|first: char| first.is_uppercase() || first.is_numeric()),
                    "{step}"
                );
            }
        }
    }

    #[test]
    fn a_suspect_comes_before_general_advice() {
        let driver = ProbableDriver {
            name: "nvlddmkm.sys".to_owned(),
            version: None,
            confidence: Confidence::High,
            via: None,
        };
        let steps = for_kernel_crash(&KernelCrash {
            raw_code: 0xd1,
            parameters: [0; 4],
            probable_driver: Some(&driver),
            process: None,
            during_start: false,
        });
        assert!(steps[0].contains("nvlddmkm.sys"));
        assert!(steps.iter().any(|step| step.contains("graphics")));
    }
}
