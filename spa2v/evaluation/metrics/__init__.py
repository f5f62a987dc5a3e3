"""The metrics: layout (max_iou, lt_sim, doc_sim, track_iou), video (av_align, fvd, flicker, spatial_alignment).

Every module holds one metric as plain functions of arrays. `layout_scores` and `video_scores` apply them to clips and
give a `ClipScore` with reasons; `spa2v.evaluation.aggregate` turns those into tables.
"""
