"""`storyboard`: the layout as an animatic, to judge a plan before rendering on a GPU. Needs no weights.

backbone   the component
sheet      where the parts of a frame are, colors, drawing
scene      the stage: backdrop, trails, boxes
panel      captions and the list of objects
strip      level, azimuth and box positions over time
text       makes text printable, wraps and cuts it
"""

from spa2v.plugins.motion_backbones.storyboard.backbone import Storyboard as Storyboard
