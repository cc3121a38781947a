"""Runs the queries of docs/query.md in the working directory: python query_answers.py PATH/query.md

Prints one JSON object a question: its heading, and the answers of DuckDB and of polars as columns and rows.
"""

import json
import re
import sys

import duckdb
import polars as pl

text = open(sys.argv[1], encoding="utf-8").read()
for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
    blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL))
    relation = duckdb.sql(blocks["sql"])
    names = {"pl": pl}
    exec(blocks["python"], names)
    answer = names["answer"]
    answers = {
        "question": section.splitlines()[0],
        "duckdb": {"columns": relation.columns, "rows": relation.fetchall()},
        "polars": {"columns": answer.columns, "rows": answer.rows()},
    }
    print(json.dumps(answers))
