//! Whether a result is right, by its pixels.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    detect::from_text,
    image::{Image, Region},
};

/// What the pixels of one image say.
#[derive(Debug)]
pub struct Verdict {
    pub faces: Vec<Region>,
    /// The variance of the faces together, before and after.
    pub before: f64,
    pub after: f64,
    /// Pixels outside of the faces that are not what they were.
    pub changed: usize,
}

impl Verdict {
    /// Looks at an image and its result.
    pub fn of(image: &Path, result: &Path) -> Result<Self> {
        let text = fs::read_to_string(result.join("faces.txt"))?;
        let faces = from_text(&text).context("the list of faces cannot be read")?;
        let (before, after) = (Image::decode(image)?, Image::decode(&result.join("blurred.png"))?);
        let variance = |image: &Image| faces.iter().fold(0.0, |sum, face| sum + image.variance(*face));
        let is_changed = |place: &usize| {
            let (x, y) = (place % before.width, place / before.width);
            before.at(x, y) != after.at(x, y) && !faces.iter().any(|face| face.holds(x, y))
        };
        let is_same_size = (before.width, before.height) == (after.width, after.height);
        let changed = match is_same_size {
            true => (0..before.pixels.len()).filter(is_changed).count(),
            false => before.pixels.len(),
        };
        Ok(Self { before: variance(&before), after: variance(&after), changed, faces })
    }

    /// What is wrong, if anything.
    pub fn fault(&self, drawn: usize) -> Option<String> {
        let Self { faces, before, after, changed } = self;
        if faces.len() != drawn {
            return Some(format!("{} faces were found, and {drawn} drawn", faces.len()));
        }
        if *changed > 0 {
            return Some(format!("{changed} pixels around the faces have changed"));
        }
        if !faces.is_empty() && after * 2.0 > *before {
            return Some(format!("the faces are not blurred: variance {before:.0}, then {after:.0}"));
        }
        None
    }
}
