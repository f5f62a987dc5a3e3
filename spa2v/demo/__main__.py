"""`python -m spa2v.demo` prints the path of the bundled recording."""

from spa2v.demo import demo_recording

print(demo_recording())
