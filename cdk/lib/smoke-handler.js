// Runs inside a Lambda during a deploy: starts one task, waits until its health check passes, ends it by SIGTERM and wants
// exit code 0. A deployment of a pool at zero succeeds without starting anything; this does not.
// Inlined into the template, so at most 4096 characters and nothing but the SDK that the runtime has.

exports.smoke = async (ecs, wanted, { sleep, now }) => {
  const deadline = now() + wanted.seconds * 1000;
  const started = await ecs.run(wanted);
  const refused = started.failures?.[0];
  if (refused || !started.tasks?.[0]) throw new Error(`the task did not start: ${refused?.reason ?? 'no reason given'}`);
  const arn = started.tasks[0].taskArn;
  let asked = false;
  for (;;) {
    const task = (await ecs.look(arn)).tasks?.[0];
    if (task?.lastStatus === 'STOPPED') {
      const code = task.containers?.[0]?.exitCode;
      if (asked && code === 0) return arn;
      const why = task.containers?.[0]?.reason ?? task.stoppedReason ?? 'no reason given';
      throw new Error(`${arn} ended with code ${code ?? 'none'} ${asked ? 'after SIGTERM' : 'before it was healthy'}: ${why}`);
    }
    if (!asked && task?.healthStatus === 'HEALTHY') {
      asked = true;
      await ecs.stop(arn);
    } else if (!asked && (task?.healthStatus === 'UNHEALTHY' || now() > deadline)) {
      await ecs.stop(arn);
      throw new Error(`${arn} is ${task?.healthStatus ?? 'unknown'} after ${wanted.seconds} s or less; its log says why`);
    } else if (asked && now() > deadline + 150_000) {
      throw new Error(`${arn} did not end within its stop timeout`);
    }
    await sleep(5000);
  }
};

exports.handler = async (event) => {
  const answer = { Status: 'SUCCESS', PhysicalResourceId: 'smoke', StackId: event.StackId, RequestId: event.RequestId, LogicalResourceId: event.LogicalResourceId };
  try {
    if (event.RequestType !== 'Delete') {
      const { ECSClient, RunTaskCommand, DescribeTasksCommand, StopTaskCommand } = require('@aws-sdk/client-ecs');
      const client = new ECSClient({});
      const wanted = { ...JSON.parse(process.env.TASK), taskDefinition: event.ResourceProperties.TaskDefinition };
      const { cluster, subnets, securityGroups, taskDefinition } = wanted;
      const awsvpcConfiguration = { subnets, securityGroups, assignPublicIp: 'DISABLED' };
      await exports.smoke({
        run: () => client.send(new RunTaskCommand({ cluster, taskDefinition, launchType: 'FARGATE', startedBy: 'deploy-smoke', networkConfiguration: { awsvpcConfiguration } })),
        look: (task) => client.send(new DescribeTasksCommand({ cluster, tasks: [task] })),
        stop: (task) => client.send(new StopTaskCommand({ cluster, task, reason: 'the smoke task has shown what it should' })),
      }, wanted, { sleep: (ms) => new Promise((done) => setTimeout(done, ms)), now: Date.now });
    }
  } catch (error) {
    console.error(error);
    answer.Status = 'FAILED';
    answer.Reason = `smoke task: ${error.message}`.slice(0, 900);
  }
  await fetch(event.ResponseURL, { method: 'PUT', body: JSON.stringify(answer) });
};
