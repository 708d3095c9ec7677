"""What `fit` is given for a network of the command line, where nothing else is asked for."""

from cnn_course.augmentation import Augment

# benchmarks/recipe.py chose rate and batch size of "lenet5" on the sample's validation digits, by
# the worst of ten seeds; benchmarks/chapter04.py chose the rate of "lenet5-1998"; that of
# "modern_cnn" is of benchmarks/cifar10_search.py, its square and weight decay of modern_cnn.py.
RECIPES = {
    "lenet5": {
        "lr": 0.02,
        "batch_size": 32,
        "weight_decay": 5e-4,
        "average": 0.995,
        "augment": Augment(rotation=10, scale=0.1, shift=2),
    },
    "lenet5-1998": {"lr": 0.01},
    "modern_cnn": {
        "lr": 0.2,
        "batch_size": 128,
        "weight_decay": 5e-4,
        "label_smoothing": 0.1,
        "augment": Augment(crop=4, erase=8),
    },
}
