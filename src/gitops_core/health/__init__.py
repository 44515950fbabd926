"""Pure: a live object goes in, two answers come out: settled? healthy?"""

from gitops_core.health.observed import Condition as Condition
from gitops_core.health.observed import HealthOptions as HealthOptions
from gitops_core.health.observed import Observed as Observed
from gitops_core.health.observed import Rule as Rule
from gitops_core.health.rules import DEFAULT_RULES as DEFAULT_RULES
from gitops_core.health.rules import MISSING as MISSING
from gitops_core.health.rules import HealthRules as HealthRules
from gitops_core.health.rules import assess as assess
from gitops_core.health.rules import worst as worst
