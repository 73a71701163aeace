//! Images with faces at known places: discs with eyes and a mouth, before grey noise.

use std::{fs, path::Path};

use anyhow::Result;

use crate::image::{Image, Region};

/// Width and height of a drawing.
pub const SIZE: (usize, usize) = (240, 160);

/// Two rows of three places, in each of which a face fits with room around it.
const PLACES: usize = 6;
const PLACE: (usize, usize) = (SIZE.0 / 3, SIZE.1 / 2);

/// A few numbers that look like chance and are the same each time (Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", 2014).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit) as usize
    }
}

/// The drawing of this number, and the boxes around its faces; the first has none.
pub fn drawing(number: u64) -> (Image, Vec<Region>) {
    let (width, height) = SIZE;
    let mut chance = Chance(number);
    let mut noise = || {
        let shade = 40 + chance.below(160) as u8;
        [shade, shade, shade.saturating_add(chance.below(12) as u8)]
    };
    let pixels = (0..width * height).map(|_| noise()).collect();
    let mut image = Image { width, height, pixels };
    let mut faces = Vec::new();
    for place in 0..PLACES {
        if number == 0 || chance.below(2) == 0 {
            continue;
        }
        let radius = 14 + chance.below(12);
        let room = (PLACE.0 - 2 * radius - 4, PLACE.1 - 2 * radius - 4);
        let x = place % 3 * PLACE.0 + radius + 2 + chance.below(room.0 as u64);
        let y = place / 3 * PLACE.1 + radius + 2 + chance.below(room.1 as u64);
        disc(&mut image, (x, y), radius);
        faces.push(Region { x: x - radius, y: y - radius, width: 2 * radius + 1, height: 2 * radius + 1 });
    }
    (image, faces)
}

/// A face: skin that is darker towards the rim, two eyes and a mouth.
fn disc(image: &mut Image, (x, y): (usize, usize), radius: usize) {
    for row in y - radius..=y + radius {
        for column in x - radius..=x + radius {
            let (across, down) = (column.abs_diff(x), row.abs_diff(y));
            let far = across * across + down * down;
            if far > radius * radius {
                continue;
            }
            let shade = (60 * far / (radius * radius)) as u8;
            let is_eye = row < y && down.abs_diff(radius / 3) <= 2 && across.abs_diff(radius / 3) <= 2;
            let is_mouth = row > y && down.abs_diff(radius / 2) <= 1 && across <= radius / 3;
            image.pixels[row * image.width + column] = match (is_eye, is_mouth) {
                (true, _) => [20, 20, 30],
                (_, true) => [150, 40, 50],
                _ => [232 - shade, 180 - shade, 150 - shade],
            };
        }
    }
}

/// Draws so many images into a folder, as PNG.
pub fn draw(folder: &Path, images: u64) -> Result<()> {
    fs::create_dir_all(folder)?;
    for number in 0..images {
        drawing(number).0.write_png(&folder.join(format!("crowd-{number}.png")))?;
    }
    Ok(())
}
