//! The square cell of a map that something lies in: the shard of a game world.

use std::{fmt, io::Write as _};

use super::{KeyOf, Missing};
use crate::{Error, Result};

/// How many cells there are from the origin to each border of a map: beyond 2⁵² a float has no
/// halves left, and neighbours would fall together.
const FARTHEST: f64 = 4_503_599_627_370_496.0;

/// A place on a plane, in whatever unit the map has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
}

/// What lies somewhere on a map, for a [`Grid`].
pub trait Located {
    /// Where; `None` if that is not known.
    fn position(&self) -> Option<Position>;
}

impl Located for Position {
    fn position(&self) -> Option<Position> {
        Some(*self)
    }
}

/// A square of a [`Grid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// How far to the right of the origin's cell; negative to the left.
    pub column: i64,
    /// How far above the origin's cell; negative below.
    pub row: i64,
}

impl Cell {
    /// The eight cells around this one, row by row: whom a player at its border may meet.
    ///
    /// ```
    /// use entourage_sharding::key::Cell;
    ///
    /// let around: Vec<_> = Cell { column: 0, row: 0 }.neighbours().collect();
    /// assert_eq!(around.len(), 8);
    /// assert!(around.contains(&Cell { column: -1, row: 1 }));
    /// ```
    pub fn neighbours(self) -> impl Iterator<Item = Self> {
        let beside = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];
        beside.into_iter().map(move |(right, up)| Self {
            column: self.column.saturating_add(right),
            row: self.row.saturating_add(up),
        })
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.column, self.row)
    }
}

/// A map cut into squares: who is near each other is on one shard.
///
/// The book's game world (chapter 6): players see who is near, so position makes the key. It is
/// the cell's column and row in decimal, with a comma between. A place on the line between two
/// cells is of the right or upper one. Where many gather, their cell is a hot shard: take smaller
/// squares.
///
/// ```
/// use entourage_sharding::key::{Cell, Grid, KeyOf, Position};
///
/// let grid = Grid::of_squares(100.0)?;
/// let place = Position { x: 250.0, y: -0.5 };
/// assert_eq!(grid.cell(place), Some(Cell { column: 2, row: -1 }));
///
/// let mut key = Vec::new();
/// grid.write(&place, &mut key)?;
/// assert_eq!(key, b"2,-1");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    side: f64,
}

impl Grid {
    /// Of squares with sides of this length.
    ///
    /// # Errors
    /// [`Error::NoSquare`] for a side that is not above 0, or is not finite.
    ///
    /// ```
    /// use entourage_sharding::{Error, key::Grid};
    ///
    /// assert_eq!(Grid::of_squares(0.0), Err(Error::NoSquare));
    /// ```
    pub fn of_squares(side: f64) -> Result<Self> {
        if side > 0.0 && side.is_finite() { Ok(Self { side }) } else { Err(Error::NoSquare) }
    }

    /// The cell of a place; `None` for one that is not finite, or 2⁵² cells from the origin.
    #[must_use]
    pub fn cell(&self, place: Position) -> Option<Cell> {
        let cell = |along: f64| {
            let cell = (along / self.side).floor();
            (cell.abs() < FARTHEST).then_some(cell as i64)
        };
        Some(Cell { column: cell(place.x)?, row: cell(place.y)? })
    }
}

impl<R: Located + ?Sized> KeyOf<R> for Grid {
    fn write(&self, request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
        let place = request.position().ok_or(Missing::Position)?;
        let cell = self.cell(place).ok_or(Missing::Position)?;
        write!(key, "{cell}").expect("writing to memory does not fail");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_nowhere_has_no_cell() {
        let grid = Grid::of_squares(0.5).unwrap();
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, FARTHEST] {
            assert_eq!(grid.cell(Position { x, y: 0.0 }), None, "{x}");
            assert_eq!(grid.cell(Position { x: 0.0, y: x }), None, "{x}");
        }
        for side in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            assert_eq!(Grid::of_squares(side), Err(Error::NoSquare));
        }
    }

    #[test]
    fn a_line_between_cells_is_of_the_right_and_upper_one() {
        let grid = Grid::of_squares(10.0).unwrap();
        for (x, column) in [(-10.1, -2), (-10.0, -1), (-0.0, 0), (0.0, 0), (9.999, 0), (10.0, 1)] {
            assert_eq!(grid.cell(Position { x, y: x }), Some(Cell { column, row: column }), "{x}");
        }
    }
}
