//! Which releases of PostgreSQL hold what row security promises.
//!
//! Major 15 is the oldest with all that is used here. The minor floors carry the latest fixes of row security:
//! CVE-2024-10976 (a cached plan kept the policies of another role) and CVE-2025-8713 (statistics showed values of
//! rows that a policy hides).

use super::Error;

/// Major releases with known holes below a minor one.
const FLOORS: [(u32, u32); 3] = [(15, 14), (16, 10), (17, 6)];

/// Passes for a server that may be used; takes `server_version_num`, such as 150014.
pub(super) fn check(number: u32) -> Result<(), Error> {
    let (major, minor) = (number / 10_000, number % 10_000);
    let needed = match FLOORS.iter().find(|(floor, _)| *floor == major) {
        Some((_, floor)) if minor >= *floor => return Ok(()),
        None if major > 17 => return Ok(()),
        Some((_, floor)) => format!("{major}.{floor}"),
        None => "15.14".to_owned(),
    };
    Err(Error::Refused(format!(
        "PostgreSQL {major}.{minor} is too old: its row security has known holes (CVE-2024-10976, CVE-2025-8713); install {needed} or newer"
    )))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn rls_7_a_server_with_holes_in_its_row_security_is_refused_with_what_to_install() {
        for (number, needed) in [
            (150_014, None),
            (150_018, None),
            (160_010, None),
            (170_006, None),
            (180_000, None),
            (190_000, None),
            (150_013, Some("15.14")),
            (160_009, Some("16.10")),
            (170_005, Some("17.6")),
            (140_022, Some("15.14")),
            (90_624, Some("15.14")),
        ] {
            match (check(number), needed) {
                (Ok(()), None) => {}
                (Err(error), Some(needed)) => assert!(error.to_string().contains(&format!("install {needed} or newer")), "{error}"),
                (outcome, _) => panic!("{number}: {outcome:?}"),
            }
        }
    }
}
