//! Generations of a profile: list, switch, delete.

use std::collections::BTreeSet;

use firn_store::profiles::{
    DeleteGenerations, delete_generations, find_generations, lock_profile, parse_older_than,
    switch_generation, switch_link,
};

use super::Call;
use crate::error::CliError;

pub(super) fn run(call: &Call<'_>, operation: &str) -> Result<u8, CliError> {
    let events = call.session.events();
    let dry_run = call.parsed.has("dry-run");
    let one = || match call.arguments() {
        [one] => Ok(one.as_str()),
        _ => Err(call.usage("exactly one argument expected")),
    };
    let none = || match call.arguments() {
        [] => Ok(()),
        _ => Err(call.usage("no arguments expected")),
    };
    match operation {
        "switch-profile" => {
            let profile = std::path::absolute(one()?)?;
            let link = crate::profile::dirs(call.session)?.link;
            if let Some(folder) = link.parent() {
                std::fs::create_dir_all(folder)?;
            }
            switch_link(&link, &profile)?;
        }
        "switch-generation" => {
            let number = one()?.parse().map_err(|_| call.usage("expected a generation number"))?;
            switch_generation(&call.profile, Some(number), dry_run, events)?;
        }
        "rollback" => {
            none()?;
            switch_generation(&call.profile, None, dry_run, events)?;
        }
        "list-generations" => {
            none()?;
            list(call)?;
        }
        _ => delete_generations(&call.profile, &which(call)?, dry_run, events)?,
    }
    Ok(0)
}

fn list(call: &Call<'_>) -> Result<(), CliError> {
    let generations = {
        let _lock = lock_profile(&call.profile, call.session.events())?;
        find_generations(&call.profile)?
    };
    for generation in &generations.all {
        let time = crate::local_time::show(generation.created);
        let current = if generations.current == Some(generation.number) { "(current)" } else { "" };
        call.session.println(format!("{:>4}   {time}   {current}", generation.number))?;
    }
    Ok(())
}

fn which(call: &Call<'_>) -> Result<DeleteGenerations, CliError> {
    match call.arguments() {
        [one] if one == "old" => Ok(DeleteGenerations::Old),
        [one] if one.contains('d') => {
            Ok(DeleteGenerations::OlderThan(parse_older_than(one, crate::profile::now())?))
        }
        [one] if one.contains('+') => {
            let number = one.get(1..).unwrap_or("");
            if number.is_empty() {
                return Err(CliError::new(format!("invalid number of generations '{one}'")));
            }
            let keep = number
                .parse()
                .map_err(|_| CliError::new(format!("invalid number of generations to keep '{one}'")))?;
            Ok(DeleteGenerations::KeepNewest(keep))
        }
        several => {
            let numbers = several
                .iter()
                .map(|n| n.parse().map_err(|_| call.usage(format!("invalid generation number '{n}'"))))
                .collect::<Result<BTreeSet<u64>, _>>()?;
            Ok(DeleteGenerations::Numbers(numbers))
        }
    }
}
