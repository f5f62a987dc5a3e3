"""Trains small weights on renders of ToyWorld, in the formats of the full-size ones: what `spa2v train` does.

A stage has an entry in `plan.STAGES` (help, recipe), a builder in `stages.BUILDERS` and a writer in `export.WRITERS`.

command      trains stages, exports what is trained          loop         steps, checkpoints, averages, for any stage
plan         stages in order, recipes, sizes of networks     stages       puts stages together
export       weights as the product loads them               pictures, pool_files, sheets, scenes, captions: the data
detector, vae, base, motion, migc, gligen: one module a stage; tokenizer, diffusion, grounding: what they share
"""
