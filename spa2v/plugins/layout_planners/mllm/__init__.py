"""What the planners that ask a multimodal language model share: conversation, examples, services' limits, answers."""
