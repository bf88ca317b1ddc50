//! Every kind of finding, one code each. A code is never given a new meaning.

/// A code with the line that explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Such as `BG0101`.
    pub code: &'static str,
    /// What kind of finding it marks, in one line.
    pub explanation: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $explanation:literal;)+) => {
        $(#[doc = concat!($code, ": ", $explanation, ".")] pub const $name: &str = $code;)+

        /// All codes in their order.
        pub const ALL: &[Code] = &[$(Code { code: $code, explanation: $explanation }),+];
    };
}

codes! {
    // BG00xx: the text of any YAML or JSON file.
    SYNTAX = "BG0001", "the text is not valid YAML or JSON";
    DUPLICATE_KEY = "BG0002", "a key stands twice in one mapping";
    TOO_LARGE = "BG0003", "the file is larger than any file of its kind needs to be";
    TOO_MANY_NODES = "BG0004", "the file holds, or expands through aliases to, too many values";
    TOO_DEEP = "BG0005", "values are nested too deep";
    BAD_ALIAS = "BG0006", "an alias stands inside what it names";
    TAG = "BG0007", "a YAML tag that is not supported";
    MERGE_KEY = "BG0008", "the YAML merge key is not supported";
    KEY_NOT_SCALAR = "BG0009", "a key is a list or a mapping";
    MANY_DOCUMENTS = "BG0010", "more than one YAML document in the file";
    EMPTY = "BG0011", "the file holds nothing";
    ENCODING = "BG0012", "the file is not text in UTF-8";
    VARIABLE_UNSET = "BG0020", "a variable that has no value and no default";
    VARIABLE_SYNTAX = "BG0021", "a `${` that does not form a variable";
    VARIABLE_TOO_LONG = "BG0022", "the values of variables make the file too large";

    // BG01xx: bluegreen.yaml.
    UNKNOWN_KEY = "BG0101", "a key that is not part of the format";
    MISSING_KEY = "BG0102", "a required key is missing";
    WRONG_KIND = "BG0103", "a list, a mapping or text stands where another kind of value belongs";
    NO_VALUE = "BG0104", "a key without a value";
    NOT_TEXT = "BG0105", "a number or truth value stands where text belongs";
    NOT_A_CHOICE = "BG0106", "a word that is not one of those allowed";
    BAD_DURATION = "BG0107", "not a length of time with its unit";
    BAD_SHARE = "BG0108", "not a share that load-balancer weights can express";
    BAD_NUMBER = "BG0109", "not a whole number in the allowed range";
    BAD_TEXT = "BG0110", "text that does not have the form it needs";
    BAD_ARN = "BG0111", "not the ARN of the right kind of resource";
    LIST_SIZE = "BG0112", "a list has too few or too many items";
    REPEATED = "BG0113", "an item stands twice in a list";
    KEY_CHOICE = "BG0114", "keys that exclude each other, or none where one is needed";
    ZERO = "BG0115", "a duration of zero where time is needed";
    VERSION = "BG0116", "a version of the format that this program does not read";
    NOT_IN_THIS_VERSION = "BG0117", "a part of the format that this version does not act on";
    ENGINE = "BG0118", "an engine that this version does not drive";
    ENGINE_FLEET = "BG0119", "the engine needs something of the spec that is not there";
    ENVIRONMENT = "BG0120", "the environment is unknown, or none was chosen among several";
    SAME_FLEET = "BG0121", "two fleets are the same service or target group";
    ELSEWHERE = "BG0122", "an ARN of another account, region or partition";
    TEST_ROUTE = "BG0123", "the test route carries production traffic";
    TWO_BALANCERS = "BG0124", "routes of two load balancers";
    NOTHING_TO_RELEASE = "BG0125", "neither a file, nor an ARN, nor images";
    IMAGES_OF_ARN = "BG0126", "images for a revision that is registered already";
    CONTROL_HALVED = "BG0127", "a control service without a control target group, or the other way round";
    WEIGHT_FALLS = "BG0130", "a step gives less traffic than the one before";
    WEIGHT_BOUNDS = "BG0131", "a step gives no traffic, or all of it before the end";
    NO_WEIGHT = "BG0132", "a canary without any weight";
    UNWATCHED_WEIGHT = "BG0133", "a weight that is left again at once, so that nothing is seen at it";
    SCALE_BELOW_WEIGHT = "BG0134", "the canary gets a larger share of traffic than of tasks";
    TIMING = "BG0135", "times that contradict each other";
    NO_BAKE = "BG0136", "no time under watch at 100 %";
    NO_ALARMS = "BG0140", "no alarm gates the release";
    UNKNOWN_ALARM = "BG0141", "an exception for an alarm that is not asked";
    SHELL = "BG0150", "a command line where a list of arguments belongs";
    PLACEHOLDER = "BG0151", "a placeholder that is not known";
    NO_TEST_URL = "BG0152", "a hook asks for a test URL that the spec does not give";
    ANALYSIS_STEP = "BG0160", "an analysis step where there is nothing to analyse";
    UNJUDGED = "BG0161", "metrics for whose verdict nothing waits";
    SHORT_ANALYSIS = "BG0162", "an analysis step that is too short for a verdict";
    METRIC_NAME = "BG0163", "two metrics of one name";
    ONE_SERIES = "BG0164", "a metric that does not tell the canary from stable";
    METRIC_PARTS = "BG0165", "a metric that lacks a part, or has one that it does not take";
    METRIC_MATH = "BG0166", "metric math that does not fit its series";
    METRIC_SETTINGS = "BG0167", "settings of an analysis that contradict each other";
    ALL_DRY = "BG0168", "an analysis in which no metric decides";

    // BG02xx: CodeDeploy AppSpec documents.
    APPSPEC_VERSION = "BG0201", "an AppSpec document whose version is not 0.0";
    APPSPEC_MISSING = "BG0202", "an AppSpec document lacks a required key";
    APPSPEC_KEY = "BG0203", "a key that AppSpec documents do not have at this place";
    APPSPEC_TYPE = "BG0204", "a value of an AppSpec document is of another type";
    APPSPEC_RESOURCES = "BG0205", "an AppSpec document does not name exactly one resource";
    APPSPEC_RESOURCE_TYPE = "BG0206", "the type of an AppSpec resource is not supported, or fits not what it holds";
    APPSPEC_TASK_DEFINITION = "BG0207", "an AppSpec document's task definition is not a full ARN";
    APPSPEC_PORT = "BG0208", "a container's port is not a number from 1 to 65535";
    APPSPEC_PLATFORM = "BG0209", "a Fargate platform version that does not exist";
    APPSPEC_NETWORK = "BG0210", "a network configuration that is not complete or not accepted";
    APPSPEC_CAPACITY = "BG0211", "a capacity provider strategy that ECS refuses";
    APPSPEC_HOOK = "BG0212", "a lifecycle hook that does not exist on this platform, or stands twice";
    APPSPEC_HOOK_VALUE = "BG0213", "a lifecycle hook's value is not one Lambda function";
    APPSPEC_HOOK_ORDER = "BG0214", "lifecycle hooks stand in another order than they run in";
    APPSPEC_FUNCTION = "BG0215", "a Lambda function, alias or version that cannot be deployed";
    APPSPEC_OTHER_FILE = "BG0216", "the file is of another kind than an AppSpec document";
    APPSPEC_CONTAINER = "BG0220", "an AppSpec document names a container that the task definition has not";
    APPSPEC_CONTAINER_PORT = "BG0221", "an AppSpec document names a port that the container does not map";
    APPSPEC_NETWORK_MODE = "BG0222", "an AppSpec document's network configuration contradicts the network mode";
    APPSPEC_PLATFORM_EC2 = "BG0223", "an AppSpec document names a Fargate platform for tasks that do not run there";
    APPSPEC_FAMILY = "BG0224", "an AppSpec document names another family than the task definition's";
    // BG03xx: task definitions and the files that name images.
    TASKDEF_OTHER_FILE = "BG0301", "the file is of another kind than a task definition";
    TASKDEF_MISSING = "BG0302", "a task definition lacks a required field";
    TASKDEF_TYPE = "BG0303", "a field of a task definition has a value of another type";
    TASKDEF_NULL = "BG0304", "a task definition has a null in it";
    TASKDEF_NAME = "BG0305", "the name of a family or container is not accepted, or used twice";
    TASKDEF_IMAGE = "BG0306", "an image reference is not valid";
    TASKDEF_FARGATE = "BG0307", "a task definition lacks what Fargate needs";
    TASKDEF_PORT = "BG0308", "a port mapping is not valid";
    TASKDEF_ESSENTIAL = "BG0309", "a task definition has no essential container";
    TASKDEF_MEMORY = "BG0310", "a container has no memory limit and no reservation";
    TASKDEF_SPELLING = "BG0311", "a field of a task definition is spelled in another tool's way";
    TASKDEF_VALUE = "BG0312", "a field of a task definition has none of the values it may have";
    TASKDEF_TAG = "BG0313", "a tag that is reserved for AWS";
    IMAGE_FILE = "BG0320", "an imageDetail.json or imagedefinitions.json lacks what it needs";
    IMAGE_FILE_MIXED = "BG0321", "imageDetail.json and imagedefinitions.json are mixed up";
    TOO_MANY_FINDINGS = "BG0390", "more is wrong with a document than is reported";

    // BG04xx: experiment.yaml, where the codes of bluegreen.yaml do not fit.
    EXPERIMENT_VARIANTS = "BG0401", "variants that cannot be compared, or one that does not exist";
    EXPERIMENT_COHORT = "BG0402", "a variant without a cohort, or a weight beside cohorts";
    EXPERIMENT_METRIC = "BG0403", "a metric of an experiment that cannot be counted for each variant";
}

/// What a code means, in one line.
pub fn explain(code: &str) -> Option<&'static str> {
    ALL.iter().find(|known| known.code == code).map(|known| known.explanation)
}
