"""Agreement with known modules against scikit-learn and hand-computed cases."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from modlib.modularity.agreement import FAINT, NO_MODULE, agreement, connected, connected_agreement


def test_agreement_is_the_adjusted_rand_index_of_inputs_and_outputs():
    inputs, outputs = np.array([0, 0, 1, 1]), np.array([0, 1])
    # three hidden neurons between them do not count
    communities = np.array([[0, 0, 1, 1, 9, 9, 9, 0, 1], [0, 1, 0, 1, 0, 0, 0, 0, 1]])
    expected = [1.0, adjusted_rand_score([0, 0, 1, 1, 0, 1], [0, 1, 0, 1, 0, 1])]
    assert agreement(communities, inputs, outputs).tolist() == expected


def test_agreement_leaves_out_neurons_without_a_module():
    inputs, outputs = np.array([0, NO_MODULE, 1, NO_MODULE]), np.array([NO_MODULE, 1])
    communities = np.array([3, 7, 5, 8, 0, 0, 3, 5])
    assert agreement(communities, inputs, outputs) == 1
    communities[0] = 5
    assert agreement(communities, inputs, outputs) < 1


@pytest.mark.parametrize("inputs", [[0, 0], [0, NO_MODULE], [NO_MODULE, NO_MODULE]])
def test_agreement_with_fewer_than_two_modules_is_undefined(inputs):
    communities = np.zeros((3, 4), dtype=int)
    found = agreement(communities, np.array(inputs), np.array([NO_MODULE]))
    assert found.shape == (3,)
    assert np.isnan(found).all()


def test_inputs_that_were_dropped_lower_the_agreement_over_all_alone():
    inputs, outputs = np.array([0, 0, 1, 1]), np.array([0, 1])
    communities = np.array([[0, 2, 1, 3, 0, 0, 1], [0, 0, 1, 1, 0, 0, 1]])
    dropped = np.array([[1.0], [0], [1], [0]])
    chain = [np.stack([dropped, np.ones((4, 1))]), np.ones((2, 1, 2))]
    expected = [adjusted_rand_score([0, 0, 1, 1, 0, 1], [0, 2, 1, 3, 0, 1]), 1.0]
    assert agreement(communities, inputs, outputs).tolist() == expected
    assert expected[0] < 0.6
    assert connected_agreement(chain, communities, inputs, outputs).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("wrong", [0, 3, 4, 5])
def test_each_end_that_is_connected_counts(wrong):
    chain = [np.ones((4, 3)), np.ones((3, 1)), np.ones((1, 2))]
    modules = np.array([0, 0, 1, 1, 0, 1])
    known, hidden = (modules[:4], modules[4:]), np.zeros(4, int)
    assert connected_agreement(chain, np.insert(modules, 4, hidden), *known) == 1.0
    misplaced = modules.copy()
    misplaced[wrong] = 1 - misplaced[wrong]
    found = connected_agreement(chain, np.insert(misplaced, 4, hidden), *known)
    assert found == pytest.approx(adjusted_rand_score(modules, misplaced))
    assert found < 1


def test_where_fewer_than_two_modules_are_connected_there_is_no_agreement():
    chain = [np.array([[1.0], [1.0], [0.0]]), np.array([[0.0]])]
    communities = np.array([0, 1, 2, 3, 3])
    found = connected_agreement(chain, communities, np.array([0, 0, 1]), np.array([NO_MODULE]))
    assert np.isnan(found)


def test_what_is_connected_has_a_share_of_its_layers_mean_weight():
    W = np.array([[1.0, 1.0], [FAINT * 0.5, 0.0], [0.0, 0.0], [0.03, -0.03]])
    V = np.array([[1.0, 1e-9, 0.0], [-1.0, 1e-9, 0.4]])
    assert connected([W, V]).tolist() == [True, False, False, True, True, False, True]
    assert connected([W, np.ones((2, 2)), V]).tolist() == connected([W, V]).tolist()
    both = connected([np.stack([W, 1e6 * W]), np.stack([V, V])])
    assert np.array_equal(both[0], both[1])
