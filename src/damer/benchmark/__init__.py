"""Methods × corpora × protocols × dimensions × seeds → results.jsonl, one row a trained network."""
