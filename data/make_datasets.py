#!/usr/bin/env python3
"""Makes this folder's CSV files from those of scikit-learn (Debian: apt-get install python3-sklearn).

usage: make_datasets.py [folder with scikit-learn's iris.csv, ...]

Numbers are copied as text, so no digit changes; only the header line and the class names are new.
"""
import csv
import gzip
import pathlib
import sys

SOURCE = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/lib/python3/dist-packages/sklearn/datasets/data")
TARGET = pathlib.Path(__file__).resolve().parent

IRIS = ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"]
WINE = ["alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
        "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280_od315_of_diluted_wines", "proline",
        "cultivar"]
CELL = ["radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave_points",
        "symmetry", "fractal_dimension"]
BREAST_CANCER = [f"{kind}_{what}" for kind in ("mean", "error", "worst") for what in CELL] + ["diagnosis"]
DIGITS = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)] + ["digit"]


def rows_of(name):
    path = SOURCE / name
    with (gzip.open if name.endswith(".gz") else open)(path, "rt", newline="") as file:
        return list(csv.reader(file))


def write(name, header, rows):
    with open(TARGET / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            assert len(row) == len(header), (name, row)
            writer.writerow(row)
    print(f"{name}: {len(rows)} rows")


def with_class_names(name, header, source):
    # scikit-learn's first line is: rows, columns, class names.
    first, *rows = rows_of(source)
    classes = first[2:]
    assert len(rows) == int(first[0])
    write(name, header, [row[:-1] + [classes[int(row[-1])]] for row in rows])


with_class_names("iris.csv", IRIS, "iris.csv")
with_class_names("wine.csv", WINE, "wine_data.csv")
with_class_names("breast_cancer.csv", BREAST_CANCER, "breast_cancer.csv")
write("digits.csv", DIGITS, rows_of("digits.csv.gz"))
