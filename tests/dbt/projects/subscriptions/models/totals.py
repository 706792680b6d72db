"""Revenue by currency."""


def model(dbt, session):
    dbt.config(materialized="table")
    priced = dbt.ref("priced").df()
    return priced.groupby("currency", as_index=False).agg(people=("id", "count"), revenue=("price", "sum"))
