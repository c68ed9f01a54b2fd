/** One process for all tests: loading the CDK and synthesizing the examples is what takes the time. */
import './config.test';
import './scaling.test';
import './bucket.test';
import './rights.test';
import './fleet.test';
import './smoke.test';
import './nag.test';
import './golden.test';
