//! Which of a page's forms a client would rather have (RFC 9110, 12.5.1).

/// How much `accept` wants `media_type`, in thousandths; 1,000 when nothing is asked.
///
/// The most exact range that fits decides, as the RFC has it.
pub(super) fn quality(accept: Option<&str>, media_type: &str) -> u16 {
    let Some(accept) = accept else { return 1_000 };
    let kind = media_type.split('/').next().unwrap_or_default();
    let mut best = (0, 0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let exactness = match name.split_once('/') {
            Some(("*", "*")) => 1,
            Some((range_kind, "*")) if range_kind == kind => 2,
            Some(_) if name == media_type => 3,
            _ => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = weight.map_or(1_000, thousandths);
        if exactness > best.0 {
            best = (exactness, weight);
        }
    }
    best.1
}

fn thousandths(weight: &str) -> u16 {
    // `as` saturates, and takes what is no number for zero.
    weight.parse::<f32>().map_or(0, |weight| (weight.clamp(0.0, 1.0) * 1_000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_range_decides() {
        for (accept, json, text) in [
            (None, 1_000, 1_000),
            (Some("text/plain"), 0, 1_000),
            (Some("*/*"), 1_000, 1_000),
            (Some("text/*;q=0.5, */*;q=0.1"), 100, 500),
            (Some("text/plain; q=0, */*"), 1_000, 0),
            (Some("TEXT/PLAIN;Q=0.25;x=y, application/json;q=nonsense"), 0, 250),
            (Some(",,;;q=1"), 0, 0),
            (Some("application/json;q=7, text/plain;q=-1"), 1_000, 0),
        ] {
            assert_eq!(quality(accept, "application/json"), json, "{accept:?}");
            assert_eq!(quality(accept, "text/plain"), text, "{accept:?}");
        }
    }
}
