//! Sizes with their units.

/// The bytes of a text such as `512MiB`; `B`, `kB`, `KiB`, `MB`, `MiB`, `GB`, `GiB`, `TB` and `TiB` are units.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim_start() {
        "B" => 1,
        "kB" => 1_000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        "TB" => 1_000_000_000_000,
        "TiB" => 1 << 40,
        _ => return Err("a size has a unit: 512MiB, 2GB".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "a size is a number and a unit: 512MiB, 2GB".to_owned())?;
    number.checked_mul(factor).filter(|bytes| *bytes > 0).ok_or_else(|| "no machine has that size".to_owned())
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn a_size_is_a_number_with_a_unit() {
        assert_eq!(bytes("1B"), Ok(1));
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert_eq!(bytes("2 GB"), Ok(2_000_000_000));
        for text in ["", "512", "MiB", "0MiB", "1.5GB", "-1B", "1mib", "99999999999TiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
