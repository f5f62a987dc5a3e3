"""`spa2v study`: blind ranking of videos by people, as in the paper's user study."""
