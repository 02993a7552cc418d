"""Where images lie: folders, zip and tar archives, Parquet files and lists, behind one interface."""
