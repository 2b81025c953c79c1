//! What the curves of a run show.

use std::collections::BTreeMap;

use super::{Kept, Scoring};
use crate::distance::Distance;
use crate::findings::{
    Curve, FindingRow, Point, State, TrainingCurve, chosen_elsewhere, chosen_stages,
};
use crate::model_spec::SeriesStep;
use crate::stage::Stage;

impl Scoring<'_> {
    /// What the curves of all encoders show, where baselines and pixels stand, what stages score
    /// that are chosen on other data sets, then the energies.
    pub(super) fn findings(&self) -> Vec<FindingRow> {
        let (mut rows, mut all) = (Vec::new(), Vec::new());
        for dataset in 0..self.datasets.len() {
            let curves = self.curves(dataset);
            rows.extend(curves.iter().flat_map(Curve::findings));
            let single = self.of_dataset(dataset).filter(|kept| !kept.of_curve);
            rows.extend(single.filter_map(|kept| {
                let points = vec![point(kept)];
                self.curve(dataset, kept, points).normalized_projection()
            }));
            rows.extend(self.training(dataset));
            all.extend(curves);
        }
        rows.extend(chosen_elsewhere(&all));
        rows.extend(self.half_in_one.iter().cloned());
        rows
    }

    fn of_dataset(&self, dataset: usize) -> impl Iterator<Item = &Kept> {
        self.kept.iter().filter(move |kept| kept.dataset == dataset)
    }

    /// The curves of a data set, in the order of their models.
    fn curves(&self, dataset: usize) -> Vec<Curve<'_>> {
        let mut curves: Vec<(&Kept, Vec<Point<'_>>)> = Vec::new();
        for kept in self.of_dataset(dataset).filter(|kept| kept.of_curve) {
            let same = |of: &Kept| {
                (&of.side.model, of.side.distance) == (&kept.side.model, kept.side.distance)
            };
            match curves.iter_mut().find(|(first, _)| same(first)) {
                Some((_, points)) => points.push(point(kept)),
                None => curves.push((kept, vec![point(kept)])),
            }
        }
        curves.into_iter().map(|(first, points)| self.curve(dataset, first, points)).collect()
    }

    /// The curve through some points.
    ///
    /// `of` — one of them
    fn curve<'k>(&'k self, dataset: usize, of: &'k Kept, points: Vec<Point<'k>>) -> Curve<'k> {
        let prepared = &self.datasets[dataset];
        let measure = prepared.scorer.main_measure();
        let image = self.of_dataset(dataset).find(|kept| kept.side.stage == Stage::Image);
        Curve {
            dataset: &prepared.dataset.name,
            model: &of.side.model,
            state: of.state.as_ref(),
            distance: of.side.distance,
            measure,
            points,
            image: image.map(|kept| &kept.replicates),
            ceiling: prepared.drawn_ceiling(0, measure).map(|c| &c.replicates),
            chance: prepared.scorer.chance(),
        }
    }

    /// When each series peaks on a data set, by each kind of distance.
    fn training(&self, dataset: usize) -> Vec<FindingRow> {
        let mut curves: BTreeMap<(&str, Distance), Vec<(&SeriesStep, &Kept)>> = BTreeMap::new();
        for kept in self.of_dataset(dataset) {
            if let Some(at) = &kept.state {
                curves.entry((&at.series, kept.side.distance)).or_default().push((at, kept));
            }
        }
        let prepared = &self.datasets[dataset];
        let mut rows = Vec::new();
        for ((_, distance), mut all) in curves {
            all.sort_by_key(|(at, _)| at.step);
            let Some((last, _)) = all.last() else { continue };
            let of_last = all.iter().filter(|(at, _)| at == last);
            let of_last: Vec<(Stage, f64)> =
                of_last.map(|(_, kept)| (kept.side.stage, kept.replicates.estimate)).collect();
            for stage in chosen_stages(&of_last) {
                let of_stage: Vec<_> =
                    all.iter().filter(|(_, kept)| kept.side.stage == stage).collect();
                let curve = TrainingCurve {
                    dataset: &prepared.dataset.name,
                    distance,
                    measure: prepared.scorer.main_measure(),
                    stage,
                    depth_percent: of_stage.first().map_or(100.0, |(_, kept)| kept.depth_percent),
                    states: of_stage
                        .iter()
                        .map(|(at, kept)| State { at, replicates: &kept.replicates })
                        .collect(),
                };
                rows.extend(curve.findings());
            }
        }
        rows
    }
}

fn point(kept: &Kept) -> Point<'_> {
    Point {
        stage: kept.side.stage,
        depth_percent: kept.depth_percent,
        replicates: &kept.replicates,
        halves: &kept.halves,
    }
}
