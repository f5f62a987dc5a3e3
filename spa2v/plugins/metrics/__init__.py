"""Built-in metrics, one module an entry: layouts (max_iou, lt_sim, doc_sim, track_iou, seld), boxes that a
detector finds (grounding), sound and picture (av_align, spatial_alignment, spatial_av_align), videos (flicker, fvd).

Each module has the formula as plain functions of arrays and a class that applies it to clips. Beneath them: `flat`
(many layouts in three arrays), `pairs` (ground truth and prediction of a batch, with the reasons), `assignment`,
`flow`, `onsets`, `frechet`.
"""
