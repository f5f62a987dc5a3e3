"""`spa2v report`: one self-contained HTML page for a run, an evaluation or an ablation."""
