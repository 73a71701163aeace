//! Where the faces are: what has the colour of skin, hangs together, and has some size.

use crate::image::{Image, Region};

/// Fewer pixels are no face.
const SMALLEST: usize = 150;

/// The colour of skin by daylight (Kovač, Peer and Solina, "Human skin colour clustering for face
/// detection", 2003).
fn is_skin([red, green, blue]: [u8; 3]) -> bool {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    let is_bright = red > 95 && green > 40 && blue > 20;
    is_bright && most - least > 15 && red > green && red - green > 15 && red > blue
}

/// The boxes around all faces, from the top.
pub fn faces(image: &Image) -> Vec<Region> {
    let (width, height) = (image.width, image.height);
    let mut seen: Vec<bool> = image.pixels.iter().map(|pixel| !is_skin(*pixel)).collect();
    let (mut faces, mut stack) = (Vec::new(), Vec::new());
    for start in 0..seen.len() {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        stack.push(start);
        let mut pixels = 0;
        let (mut left, mut top, mut right, mut bottom) = (width, height, 0, 0);
        while let Some(place) = stack.pop() {
            let (x, y) = (place % width, place / width);
            pixels += 1;
            (left, right) = (left.min(x), right.max(x));
            (top, bottom) = (top.min(y), bottom.max(y));
            let beside = [
                (x > 0).then(|| place - 1),
                (x + 1 < width).then_some(place + 1),
                (y > 0).then(|| place - width),
                (y + 1 < height).then_some(place + width),
            ];
            for next in beside.into_iter().flatten() {
                if !std::mem::replace(&mut seen[next], true) {
                    stack.push(next);
                }
            }
        }
        if pixels >= SMALLEST {
            faces.push(Region { x: left, y: top, width: right - left + 1, height: bottom - top + 1 });
        }
    }
    faces
}

/// As the other workers read it: the size of the image, then a line `x y width height` a face.
pub fn to_text(image: &Image, faces: &[Region]) -> String {
    let mut text = format!("{} {}\n", image.width, image.height);
    for Region { x, y, width, height } in faces {
        text.push_str(&format!("{x} {y} {width} {height}\n"));
    }
    text
}

/// The faces of such a text.
pub fn from_text(text: &str) -> Option<Vec<Region>> {
    let number =
        |line: &str| -> Option<Vec<usize>> { line.split(' ').map(|word| word.parse().ok()).collect() };
    let faces = text.lines().skip(1).map(|line| match number(line)?[..] {
        [x, y, width, height] => Some(Region { x, y, width, height }),
        _ => None,
    });
    faces.collect()
}

#[cfg(test)]
mod tests {
    use super::{faces, from_text, to_text};
    use crate::draw::{SIZE, drawing};

    #[test]
    fn the_faces_that_were_drawn_are_found_and_nothing_else() {
        for number in 0..20 {
            let (image, mut drawn) = drawing(number);
            let found = faces(&image);
            drawn.sort_unstable_by_key(|region| (region.y, region.x));
            assert_eq!(found.len(), drawn.len(), "image {number}: {found:?}, not {drawn:?}");
            for face in &drawn {
                let is_near = |found: &&crate::image::Region| {
                    let ends = [
                        (found.x, face.x),
                        (found.y, face.y),
                        (found.width, face.width),
                        (found.height, face.height),
                    ];
                    ends.iter().all(|(a, b)| a.abs_diff(*b) <= 2)
                };
                assert!(
                    found.iter().any(|found| is_near(&found)),
                    "image {number}: {face:?} not in {found:?}"
                );
            }
            assert_eq!((image.width, image.height), SIZE);
        }
    }

    #[test]
    fn what_is_written_for_the_others_can_be_read() {
        let (image, drawn) = drawing(3);
        assert_eq!(from_text(&to_text(&image, &drawn)), Some(drawn));
        assert_eq!(from_text("10 10\n1 2 3\n"), None);
        assert_eq!(from_text("10 10\n"), Some(vec![]));
    }
}
